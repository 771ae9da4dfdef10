//! Bytes ↔ arrays: file formats, without any knowledge of subjects, ROIs or networks.
//!
//! | module | format |
//! |---|---|
//! | [`mat`] | MATLAB files, v5 and v7.3, dense and bdpy-sparse: the façade the rest of the crate uses |
//! | [`mat_v5`] | the v5 elements that the `matfile` crate does not cover |
//! | [`mat_v73`] | v7.3 of any layout, dense and sparse |
//! | [`hdf5_plain`] | v7.3 in the common layouts, faster |
//! | [`hdf5`] | HDF5 files: groups, arrays, texts, attributes |
//! | [`hdf5_image`] | HDF5 files made in memory, byte by byte the same for the same content |
//! | [`bdata`] | bdpy's fMRI tables: select voxels by expression, labels |
//! | [`select`] | the select-expression language of those tables |
//! | [`features`] | a layer's folder of per-image files as one matrix |
//! | [`npy`] | NumPy's arrays |
//! | [`assembly`] | recordings with their presentations and sites: BrainIO's netCDF-4, `.npy` with CSV |
//! | [`table`] | small tables in CSV files |
//! | [`atomic`] | whole files or none |
//! | [`expansion`] | how much may come out of a file |
//! | [`inside`] | whether a folder is where its path says |
//! | [`ordinary`] | files on a disk, not pipes or devices |
//! | [`record`] | `record.json`, the last file of an artifact |

pub mod assembly;
pub mod atomic;
pub mod bdata;
pub mod expansion;
pub mod features;
pub mod hdf5;
pub mod hdf5_image;
pub mod hdf5_plain;
pub mod inside;
pub mod mat;
pub mod mat_v5;
pub mod mat_v73;
pub mod npy;
pub mod ordinary;
pub mod record;
pub mod select;
pub mod table;
