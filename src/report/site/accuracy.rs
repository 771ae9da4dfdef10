//! What the site needs of `accuracy_summary.csv`: mean accuracy of each layer and ROI.

use std::path::Path;

use serde::Deserialize;

use crate::error::{Error, Result};

/// One row of the file: a half of a network, a layer, a subject, a ROI.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Row {
    /// Name of the network.
    pub network: String,
    /// `decoding` or `encoding`.
    pub half: String,
    /// Name of the layer.
    pub layer: String,
    /// Name of the ROI.
    pub roi: String,
    /// Units or voxels with an accuracy.
    pub n: u64,
    /// Mean accuracy over them.
    pub mean: Option<f64>,
}

/// Reads the content of a file.
///
/// # Errors
/// If it is not what `compute` writes.
pub fn parse(path: &Path, bytes: &[u8]) -> Result<Vec<Row>> {
    let mut reader = csv::Reader::from_reader(bytes);
    let rows: Result<Vec<Row>, csv::Error> = reader.deserialize().collect();
    rows.map_err(|error| {
        let problem = format!("is not what `compute` writes: {error}");
        Error::file(path, problem, "run `bhscore compute` again")
    })
}

/// Mean accuracy over items and subjects, `(n_layers, n_rois)`, NaN where there is none; `None` if there is nothing
/// of this half of the network at all.
pub fn means(
    rows: &[Row],
    (network, half): (&str, &str),
    (layers, rois): (&[String], &[String]),
) -> Option<Vec<Vec<f64>>> {
    let of_half = rows
        .iter()
        .filter(|row| row.network == network && row.half == half);
    let of_half: Vec<&Row> = of_half.collect();
    let mean = |layer: &String, roi: &String| {
        let cell = of_half
            .iter()
            .filter(|row| row.layer == *layer && row.roi == *roi);
        let (mut sum, mut n) = (0.0, 0.0);
        for (row, mean) in cell.filter_map(|row| row.mean.map(|mean| (row, mean))) {
            sum += mean * row.n as f64;
            n += row.n as f64;
        }
        sum / n
    };
    let of_layer = |layer: &String| rois.iter().map(|roi| mean(layer, roi)).collect();
    (!of_half.is_empty()).then(|| layers.iter().map(of_layer).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subjects_count_by_their_items() {
        let text = "network,net,half,layer,subject,roi,n,n_undefined,mean\n\
                    a,s/a,decoding,c1,s1,V1,10,0,0.5\na,s/a,decoding,c1,s2,V1,30,2,0.1\n\
                    a,s/a,decoding,c2,s1,V1,0,3,\nb,s/b,decoding,c1,s1,V1,1,0,0.9\n";
        let rows = parse(Path::new("a.csv"), text.as_bytes()).unwrap();
        let layers = ["c1", "c2"].map(str::to_owned);
        let rois = ["V1".to_owned()];
        let names = (layers.as_slice(), rois.as_slice());
        let means = means(&rows, ("a", "decoding"), names).unwrap();
        assert!((means[0][0] - 0.2).abs() < 1e-12 && means[1][0].is_nan());
        assert_eq!(super::means(&rows, ("a", "encoding"), names), None);
    }

    #[test]
    fn other_tables_are_told_apart() {
        let error = parse(Path::new("a.csv"), b"x,y\n1,2\n")
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("`a.csv`") && error.contains("compute"),
            "{error}"
        );
    }
}
