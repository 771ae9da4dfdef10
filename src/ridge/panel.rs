//! Operands of [`super::product`], and their copies that a kernel reads from end to end.

/// Numbers in a cache line, where panels begin.
const CACHE_LINE: usize = 8;

/// A matrix whose columns are summed over, by its strides.
#[derive(Clone, Copy)]
pub struct Operand<'a> {
    /// From the first entry on.
    pub values: &'a [f64],
    /// From one term of a sum to the next.
    pub term_stride: usize,
    /// From one row (left operand) or column (right operand) of the result to the next.
    pub lane_stride: usize,
}

impl<'a> Operand<'a> {
    /// The entries from this term and lane on.
    pub(super) fn from(self, term: usize, lane: usize) -> Operand<'a> {
        let first = term * self.term_stride + lane * self.lane_stride;
        Operand {
            values: &self.values[first..],
            ..self
        }
    }
}

/// Copies the lanes from `first` on, a panel's width of them or up to the last: term by term, zeros behind.
pub(super) fn pack(
    operand: Operand,
    first: usize,
    n_lanes: usize,
    width: usize,
    panel: &mut [f64],
) {
    let lanes = width.min(n_lanes - first);
    let operand = operand.from(0, first);
    match width {
        // Known widths are copied without a call.
        16 => pack_lanes::<16>(operand, lanes, panel),
        12 => pack_lanes::<12>(operand, lanes, panel),
        8 => pack_lanes::<8>(operand, lanes, panel),
        6 => pack_lanes::<6>(operand, lanes, panel),
        4 => pack_lanes::<4>(operand, lanes, panel),
        2 => pack_lanes::<2>(operand, lanes, panel),
        _ => unreachable!("tiles have no other sides"),
    }
}

fn pack_lanes<const WIDTH: usize>(operand: Operand, lanes: usize, panel: &mut [f64]) {
    let Operand {
        values,
        term_stride,
        lane_stride,
    } = operand;
    let (terms, _) = panel.as_chunks_mut::<WIDTH>();
    if lane_stride == 1 && lanes == WIDTH {
        for (term, slots) in terms.iter_mut().enumerate() {
            let values = values[term * term_stride..].first_chunk();
            *slots = *values.expect("an entry for every lane");
        }
        return;
    }
    for lane in 0..WIDTH {
        if lane < lanes {
            let values = values[lane * lane_stride..].iter().step_by(term_stride);
            let slots = terms.iter_mut().map(|slots| &mut slots[lane]);
            slots.zip(values).for_each(|(slot, value)| *slot = *value);
        } else {
            terms.iter_mut().for_each(|slots| slots[lane] = 0.0);
        }
    }
}

/// This many numbers from the first cache line on; their content is arbitrary.
pub(super) fn aligned(memory: &mut Vec<f64>, length: usize) -> &mut [f64] {
    if memory.len() < length + CACHE_LINE {
        *memory = vec![0.0; length + CACHE_LINE];
    }
    let first = memory.as_ptr().align_offset(CACHE_LINE * size_of::<f64>());
    &mut memory[first.min(CACHE_LINE)..][..length]
}
