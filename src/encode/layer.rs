//! A layer's units as inputs: standardised block by block, or some of them gathered.

use std::sync::atomic::{AtomicBool, Ordering};

use ndarray::{Array2, ArrayView2, Axis, s};
use rayon::prelude::*;

use crate::error::{Error, Result};
use crate::study::Behaviour;
use crate::study::scale::Scale;
use crate::study::units::{UNITS_PER_BLOCK, Units};

/// Goes through a layer in blocks of [`UNITS_PER_BLOCK`], standardised over all its images; returns
/// the scale of all units.
///
/// - `rows`: images in the order that is wanted.
/// - `take`: is given the first unit of each block and its values, `(rows.len(), n_block)`; units that
///   cannot be used are 0.
pub fn each_block(
    units: &mut Units,
    rows: &[usize],
    behaviour: Behaviour,
    stop: &AtomicBool,
    mut take: impl FnMut(usize, Array2<f64>),
) -> Result<Scale> {
    let mut all = Scale {
        mean: Vec::with_capacity(units.n_units()),
        norm: Vec::with_capacity(units.n_units()),
        usable: Vec::with_capacity(units.n_units()),
    };
    for start in (0..units.n_units()).step_by(UNITS_PER_BLOCK) {
        check(stop)?;
        if start == 0 || start >= units.range.end {
            units.seek(start, stop)?;
        }
        let range = start..units.n_units().min(start + UNITS_PER_BLOCK);
        let scale = units.scale(range.clone(), behaviour);
        // What the original does with unusable units is decided when weights are written.
        take(
            start,
            scale.apply(units.view(range), rows, Behaviour::Corrected),
        );
        all.mean.extend(&scale.mean);
        all.norm.extend(&scale.norm);
        all.usable.extend(&scale.usable);
    }
    Ok(all)
}

/// Some units of a layer, standardised, `(wanted.len(), rows.len())`.
///
/// - `wanted`: units that can be used, ascending.
/// - `scale`: of all units of the layer.
pub fn gather(
    units: &mut Units,
    wanted: &[u32],
    rows: &[usize],
    scale: &Scale,
    stop: &AtomicBool,
) -> Result<Array2<f64>> {
    let mut gathered = Array2::zeros((wanted.len(), rows.len()));
    let mut start = 0;
    while start < units.n_units() {
        check(stop)?;
        units.seek(start, stop)?;
        let loaded = units.range.clone();
        let place = |unit: usize| wanted.partition_point(|&wanted| (wanted as usize) < unit);
        let here = place(loaded.start)..place(loaded.end);
        let (values, wanted) = (units.view(loaded.clone()), &wanted[here.clone()]);
        gathered
            .slice_mut(s![here, ..])
            .axis_chunks_iter_mut(Axis(0), UNITS_AT_ONCE)
            .into_par_iter()
            .zip(wanted.par_chunks(UNITS_AT_ONCE))
            .for_each(|(mut target, wanted)| {
                for (place, &row) in rows.iter().enumerate() {
                    let (mut slots, values) = (target.column_mut(place), values.row(row));
                    for (slot, &unit) in slots.iter_mut().zip(wanted) {
                        let unit = unit as usize;
                        let value = f64::from(values[unit - loaded.start]);
                        *slot = (value - scale.mean[unit]) / scale.norm[unit];
                    }
                }
            });
        start = loaded.end;
    }
    Ok(gathered)
}

/// Units that are gathered together: an image's values of neighbours are in the same cache lines.
const UNITS_AT_ONCE: usize = 32;

/// Activations of all units as they are, `(rows.len(), n_units)`.
pub fn whole(units: &mut Units, rows: &[usize], stop: &AtomicBool) -> Result<Array2<f64>> {
    let mut all = Array2::zeros((rows.len(), units.n_units()));
    let mut start = 0;
    while start < units.n_units() {
        check(stop)?;
        units.seek(start, stop)?;
        let loaded = units.range.clone();
        let values: ArrayView2<f32> = units.view(loaded.clone());
        let mut target = all.slice_mut(s![.., loaded.clone()]);
        for (mut target, &row) in target.rows_mut().into_iter().zip(rows) {
            target.zip_mut_with(&values.row(row), |slot, value| *slot = f64::from(*value));
        }
        start = loaded.end;
    }
    Ok(all)
}

/// Gives up when the user wants to stop.
pub fn check(stop: &AtomicBool) -> Result<()> {
    if stop.load(Ordering::Relaxed) {
        return Err(Error::Interrupted);
    }
    Ok(())
}
