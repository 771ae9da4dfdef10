//! Changes of a study's input: fMRI tables and feature files.

use std::fs;

use bhscore::io::bdata::BData;
use bhscore::io::mat;
use ndarray::{Array2, Axis};

use crate::env::{TestEnv, no_start};
use crate::items::NET;

/// Training or test half, as it stands in the file names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Half {
    Training,
    Test,
}

impl Half {
    fn word(self) -> &'static str {
        match self {
            Half::Training => "Training",
            Half::Test => "Test",
        }
    }
}

impl TestEnv {
    /// An fMRI table, relative to the study.
    pub fn fmri(&self, subject: &str, half: Half) -> String {
        let word = half.word();
        format!("data/fmri/{subject}_perceptionNaturalImage{word}_VC_v2.h5")
    }

    fn table(&self, subject: &str, half: Half) -> BData {
        let _guard = no_start();
        BData::read(&self.path(self.fmri(subject, half))).unwrap()
    }

    /// A layer's folder of features, relative to the study.
    pub fn features(&self, half: Half, layer: &str) -> String {
        format!("data/features/ImageNet{}/{NET}/{layer}", half.word())
    }

    /// Names of a layer's feature files, sorted, without `.mat`.
    pub fn images(&self, half: Half, layer: &str) -> Vec<String> {
        let mut names: Vec<String> = fs::read_dir(self.path(self.features(half, layer)))
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .map(|name| name.strip_suffix(".mat").unwrap().to_owned())
            .collect();
        names.sort();
        names
    }

    /// Changes the fMRI samples, `(n_samples, n_columns)`; rows may be removed.
    pub fn edit_samples(&self, subject: &str, half: Half, edit: impl FnOnce(&mut Array2<f64>)) {
        let _guard = no_start();
        let file = hdf5::File::open_rw(self.path(self.fmri(subject, half))).unwrap();
        let mut samples: Array2<f64> = file.dataset("dataset").unwrap().read_2d().unwrap();
        edit(&mut samples);
        file.unlink("dataset").unwrap();
        let builder = file.new_dataset_builder().with_data(&samples);
        builder.create("dataset").unwrap();
    }

    /// Columns of a ROI's voxels in the table.
    pub fn columns(&self, subject: &str, half: Half, roi: &str) -> Vec<usize> {
        let columns = self.table(subject, half).columns(&format!("ROI_{roi} = 1"));
        columns.unwrap()
    }

    /// The one column of a label.
    pub fn column(&self, subject: &str, half: Half, key: &str) -> usize {
        let columns = self.table(subject, half).columns(&format!("{key} = 1"));
        columns.unwrap()[0]
    }

    /// Says of every voxel of a ROI whether it belongs to it: 1 or NaN.
    pub fn edit_roi(&self, subject: &str, half: Half, roi: &str, value: f64) {
        for column in self.columns(subject, half, roi) {
            self.edit_roi_column(subject, half, roi, column, value);
        }
    }

    /// Says of one voxel whether it belongs to a ROI: 1 or NaN.
    pub fn edit_roi_column(&self, subject: &str, half: Half, roi: &str, column: usize, value: f64) {
        let table = self.table(subject, half);
        let key = format!("ROI_{roi}");
        let row = table.keys().iter().position(|known| *known == key).unwrap();
        let _guard = no_start();
        let file = hdf5::File::open_rw(self.path(self.fmri(subject, half))).unwrap();
        let metadata = file.dataset("metadata/value").unwrap();
        let mut values: Array2<f64> = metadata.read_2d().unwrap();
        values[[row, column]] = value;
        metadata.write(&values).unwrap();
    }

    /// Which image each sample shows, `(n_samples,)`.
    pub fn shown(&self, subject: &str, half: Half) -> Vec<String> {
        let labels = self.table(subject, half).get_label("stimulus_name");
        labels.unwrap()
    }

    /// Gives one voxel of a ROI these values, by sample.
    pub fn edit_voxel(
        &self,
        subject: &str,
        half: Half,
        (roi, voxel): (&str, usize),
        value: impl Fn(usize, f64) -> f64,
    ) {
        let column = self.columns(subject, half, roi)[voxel];
        self.edit_samples(subject, half, |samples| {
            let values = samples.column_mut(column).into_iter().enumerate();
            values.for_each(|(sample, slot)| *slot = value(sample, *slot));
        });
    }

    /// Keeps only some samples of a table.
    pub fn keep_samples(&self, subject: &str, half: Half, keep: impl Fn(usize, &str) -> bool) {
        let shown = self.shown(subject, half);
        let rows: Vec<usize> = (0..shown.len())
            .filter(|&row| keep(row, &shown[row]))
            .collect();
        self.edit_samples(subject, half, |samples| {
            *samples = samples.select(Axis(0), &rows);
        });
    }

    /// Changes the units of a layer in every image's file: `edit(image, units)`, units in
    /// column-major order.
    pub fn edit_features(&self, half: Half, layer: &str, edit: impl Fn(usize, &mut Vec<f32>)) {
        for (index, image) in self.images(half, layer).iter().enumerate() {
            let path = self
                .path(self.features(half, layer))
                .join(format!("{image}.mat"));
            let mut array = mat::read_f32(&path, "feat").unwrap();
            let before = array.values.clone();
            edit(index, &mut array.values);
            let same = before.len() == array.values.len()
                && before
                    .iter()
                    .zip(&array.values)
                    .all(|(a, b)| a.to_bits() == b.to_bits());
            if !same {
                if before.len() != array.values.len() {
                    array.shape = vec![1, array.values.len()];
                }
                let bytes = mat::encode_f32("feat", &array.shape, &array.values);
                fs::write(path, bytes).unwrap();
            }
        }
    }
}
