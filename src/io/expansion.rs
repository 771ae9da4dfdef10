//! How much may come out of a file of some length.

/// Times that a file may be read over, or what is compressed in it be longer. Of sound HDF5 files the tables are read
/// some times and data once; responses of layers that are mostly 0 shrink to a tenth, weights hardly.
const TIMES: u64 = 64;
/// Bytes beside that.
const SMALL: u64 = 64 << 20;

/// Most bytes for `length` of them; more is taken for a trap.
#[must_use]
pub fn most(length: u64) -> u64 {
    length.saturating_mul(TIMES).saturating_add(SMALL)
}
