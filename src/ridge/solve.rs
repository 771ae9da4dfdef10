//! Which solver a block of units gets.
//!
//! - [`super::shared`], the elimination tree in double precision, where selections overlap: a tree of similar
//!   selections costs little per unit. It falls back to one factorisation per unit by itself.
//! - [`super::conjugate`], single precision with a proof in double, where they do not and the system is
//!   well-conditioned.
//!
//! The tree's estimated cost is compared with that of conjugate gradients, whose number of steps is measured on the
//! system. Both depend on the system and on the block alone, so neither time, threads nor the order of blocks
//! decide. [`Params::force_f64`](super::Params::force_f64) leaves the tree only.

use std::sync::OnceLock;

use ndarray::{Array2, ArrayView2};

use super::conjugate::{self, Condition};
use super::linalg::NotPositiveDefinite;
use super::shared;

/// What the solvers know about one system, found out when a block first asks.
#[derive(Debug, Clone, Default)]
pub struct Knowledge {
    force_f64: bool,
    condition: OnceLock<Option<Condition>>,
}

impl Knowledge {
    /// Nothing yet; with `force_f64` there will be nothing to know.
    pub fn new(force_f64: bool) -> Knowledge {
        Knowledge {
            force_f64,
            condition: OnceLock::new(),
        }
    }

    /// Name of the solvers for records: `cholesky`, or `cholesky+cg` where a block may get either.
    pub fn solver(&self) -> &'static str {
        if self.force_f64 {
            "cholesky"
        } else {
            "cholesky+cg"
        }
    }

    /// Bytes that are held in the end, at most.
    pub fn bytes(&self, n_inputs: usize, n_selected: usize) -> u64 {
        // One factorisation of its own is the most that the tree asks for a unit.
        let alone = (n_selected as f64).powi(3);
        let cost = conjugate::unit_cost(n_selected, n_inputs, conjugate::FEWEST_STEPS);
        if self.force_f64 || cost > alone {
            0
        } else {
            Condition::bytes(n_inputs)
        }
    }

    /// Weights of every unit on its own selected inputs: `A[S_u, S_u] w_u = c[S_u]`.
    ///
    /// Shapes as for [`super::direct::solve`]; `system` is the same in every call.
    pub fn solve(
        &self,
        system: ArrayView2<f64>,
        rhs: ArrayView2<f64>,
        selected: ArrayView2<u32>,
    ) -> Result<Array2<f64>, NotPositiveDefinite> {
        if selected.is_empty() {
            return Ok(Array2::zeros(selected.dim()));
        }
        let tree = shared::group(selected, system.ncols());
        match self.condition_if_faster(system, selected, tree.cost) {
            Some(condition) => conjugate::solve(condition, system, rhs, selected),
            None => shared::solve_grouped(&tree, system, rhs, selected),
        }
    }

    /// The system's condition, if conjugate gradients are expected to take less than `cost`.
    fn condition_if_faster(
        &self,
        system: ArrayView2<f64>,
        selected: ArrayView2<u32>,
        cost: f64,
    ) -> Option<&Condition> {
        let (n_units, k) = selected.dim();
        let faster = |steps| conjugate::cost(n_units, k, system.ncols(), steps) < cost;
        if self.force_f64 || !faster(conjugate::FEWEST_STEPS) {
            return None;
        }
        let condition = self.condition.get_or_init(|| Condition::measure(system));
        condition
            .as_ref()
            .filter(|condition| faster(condition.steps()))
    }
}
