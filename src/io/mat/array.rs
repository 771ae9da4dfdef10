//! Numeric arrays and how a v7.3 dataset becomes one.

/// A numeric array as MATLAB files hold it: column-major, first axis fastest.
#[derive(Debug, Clone, PartialEq)]
pub struct Array<T> {
    /// Length of each axis, in NumPy's and MATLAB's order.
    pub shape: Vec<usize>,
    /// Values, first axis fastest; `shape.iter().product()` of them.
    pub values: Vec<T>,
}

/// A numeric variable: single stays single, everything else becomes double.
///
/// Integers and logicals are converted, exactly up to 2^53 in magnitude.
#[derive(Debug, Clone, PartialEq)]
pub enum Numeric {
    /// MATLAB's single, NumPy's float32.
    F32(Array<f32>),
    /// MATLAB's double, NumPy's float64; also all integers.
    F64(Array<f64>),
}

impl Numeric {
    /// Length of each axis.
    #[must_use]
    pub fn shape(&self) -> &[usize] {
        match self {
            Numeric::F32(array) => &array.shape,
            Numeric::F64(array) => &array.shape,
        }
    }

    /// As single; doubles are rounded.
    #[must_use]
    pub fn into_f32(self) -> Array<f32> {
        match self {
            Numeric::F32(array) => array,
            Numeric::F64(Array { shape, values }) => Array {
                shape,
                values: values.into_iter().map(|value| value as f32).collect(),
            },
        }
    }

    /// As double.
    #[must_use]
    pub fn into_f64(self) -> Array<f64> {
        match self {
            Numeric::F32(Array { shape, values }) => Array {
                shape,
                values: values.into_iter().map(f64::from).collect(),
            },
            Numeric::F64(array) => array,
        }
    }
}

/// What a file says about one of its variables.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Variable {
    /// Its name.
    pub name: String,
    /// Length of each axis; empty if the file does not say.
    pub shape: Vec<usize>,
    /// MATLAB's word for its type: `single`, `double`, `char`, `cell`, `struct`, …;
    /// `sparse array` for bdpy's sparse form.
    pub class: String,
}

/// How a v7.3 dataset is to be understood, from its attributes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::io) struct Convention {
    /// `MATLAB_class`. Its presence means that the axes on disk are in reverse order; without it
    /// the file was written by plain HDF5 means, and the axes are NumPy's.
    pub class: Option<String>,
    /// `Python.Shape`: the shape before MATLAB's rule that everything has two axes.
    pub python_shape: Option<Vec<u64>>,
}

impl Convention {
    /// The shape in NumPy's order of a dataset with `dims`, slowest first, on disk.
    pub fn shape(&self, dims: &[usize]) -> Vec<usize> {
        if self.class.is_none() {
            return dims.to_vec();
        }
        if let Some(shape) = &self.python_shape {
            let shape: Option<Vec<usize>> = shape
                .iter()
                .map(|&length| usize::try_from(length).ok())
                .collect();
            if let Some(shape) = shape.filter(|shape| n_elements(shape) == n_elements(dims)) {
                return shape;
            }
        }
        dims.iter().rev().copied().collect()
    }

    /// Whether the order on disk is column-major order of [`Self::shape`].
    pub fn is_column_major(&self, dims: &[usize]) -> bool {
        self.class.is_some() || dims.iter().filter(|&&length| length != 1).count() <= 1
    }

    /// Turns values in the order on disk into an array.
    pub fn array<T: Copy>(&self, dims: &[usize], values: Vec<T>) -> Array<T> {
        let shape = self.shape(dims);
        if self.is_column_major(dims) {
            return Array { shape, values };
        }
        let view = ndarray::ArrayViewD::from_shape(dims, &values).expect("one value per element");
        let values = view.t().iter().copied().collect();
        Array { shape, values }
    }
}

/// Number of elements of a shape, or `None` beyond the address space.
pub(in crate::io) fn n_elements(shape: &[usize]) -> Option<usize> {
    shape
        .iter()
        .try_fold(1usize, |product, &length| product.checked_mul(length))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matlab(python_shape: Option<Vec<u64>>) -> Convention {
        Convention {
            class: Some("single".to_owned()),
            python_shape,
        }
    }

    #[test]
    fn matlab_class_reverses_the_axes_and_keeps_the_values() {
        let array = matlab(None).array(&[3, 2], vec![1, 2, 3, 4, 5, 6]);
        assert_eq!(
            array,
            Array {
                shape: vec![2, 3],
                values: vec![1, 2, 3, 4, 5, 6]
            }
        );
    }

    #[test]
    fn without_matlab_class_the_values_are_reordered() {
        let array = Convention::default().array(&[3, 2], vec![1, 2, 3, 4, 5, 6]);
        assert_eq!(
            array,
            Array {
                shape: vec![3, 2],
                values: vec![1, 3, 5, 2, 4, 6]
            }
        );
    }

    #[test]
    fn python_shape_counts_only_if_it_fits() {
        assert_eq!(matlab(Some(vec![6])).shape(&[1, 6]), [6]);
        assert_eq!(matlab(Some(vec![])).shape(&[1, 1]), [] as [usize; 0]);
        assert_eq!(matlab(Some(vec![7])).shape(&[1, 6]), [6, 1]);
    }
}
