//! Accuracies of one network as checked blocks, one per group and subject.
//!
//! Pooling subjects means to put their items side by side. Nothing is copied for that: counts over the
//! pool are the sums of the blocks' counts.

use super::{DecodingAccuracies, EncodingAccuracies};
use crate::error::{Error, Result};

/// What items, groups and levels are called in one half of the score.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Words {
    /// One item: `unit` or `voxel`.
    pub item: &'static str,
    /// What an item belongs to: `layer` or `ROI`.
    pub group: &'static str,
    /// What an item is predicted from: `ROI` or `layer`.
    pub level: &'static str,
}

impl Words {
    /// The words of the decoding half.
    pub const DECODING: Words = Words {
        item: "unit",
        group: "layer",
        level: "ROI",
    };
    /// The words of the encoding half.
    pub const ENCODING: Words = Words {
        item: "voxel",
        group: "ROI",
        level: "layer",
    };

    /// The accuracies of this half, in errors.
    fn accuracies(self) -> &'static str {
        match self.item {
            "voxel" => "encoding accuracies",
            _ => "decoding accuracies",
        }
    }
}

/// Items of one group and one subject, predicted from every level.
#[derive(Clone, Debug)]
pub struct Block<'a> {
    /// Number of items.
    pub n_items: usize,
    /// Per level the accuracy of each item, `(n_items,)`; `None` if that level is missing.
    pub levels: Vec<Option<&'a [f32]>>,
    /// Position of each item among all of its file, `(n_items,)`; `None` if they are all there, in order.
    pub positions: Option<&'a [usize]>,
}

impl Block<'_> {
    /// The same items, predicted from some of the levels only.
    pub fn among(&self, levels: &[usize]) -> Self {
        Self {
            n_items: self.n_items,
            levels: levels.iter().map(|&level| self.levels[level]).collect(),
            positions: self.positions,
        }
    }

    /// Position of item number `index` among all items of its file.
    pub fn position(&self, index: usize) -> usize {
        self.positions.map_or(index, |positions| positions[index])
    }
}

/// All blocks of one network.
#[derive(Clone, Debug)]
pub struct Pool<'a> {
    /// What the parts are called.
    pub words: Words,
    /// Names of the groups in hierarchy order.
    pub groups: &'a [String],
    /// Names of the subjects.
    pub subjects: &'a [String],
    /// Names of the levels in hierarchy order.
    pub levels: &'a [String],
    /// `blocks[group][subject]`.
    pub blocks: Vec<Vec<Block<'a>>>,
}

impl<'a> Pool<'a> {
    /// The pool of the decoding half: groups are layers, levels are ROIs.
    ///
    /// # Errors
    /// If there is no layer, subject or ROI, `values` does not have one entry per layer, subject and ROI, or the ROIs of one layer and
    /// subject differ in their number of units.
    pub fn decoding(input: &'a DecodingAccuracies) -> Result<Self> {
        check_names(Words::DECODING, &input.layers, &input.subjects, &input.rois)?;
        check_count(
            Words::DECODING,
            "layer",
            input.values.len(),
            input.layers.len(),
        )?;
        let mut blocks = Vec::with_capacity(input.layers.len());
        for (layer, subjects) in input.layers.iter().zip(&input.values) {
            check_count(
                Words::DECODING,
                "subject",
                subjects.len(),
                input.subjects.len(),
            )?;
            let mut row = Vec::with_capacity(subjects.len());
            for (subject, rois) in input.subjects.iter().zip(subjects) {
                check_count(Words::DECODING, "ROI", rois.len(), input.rois.len())?;
                let item = || format!("layer `{layer}`, subject `{subject}`");
                row.push(Block::new(
                    rois.iter().map(Option::as_deref),
                    &input.rois,
                    item,
                )?);
            }
            blocks.push(row);
        }
        Ok(Self {
            words: Words::DECODING,
            groups: &input.layers,
            subjects: &input.subjects,
            levels: &input.rois,
            blocks,
        })
    }

    /// The pool of the encoding half: groups are ROIs, levels are layers. Voxels are those that
    /// [`EncodingAccuracies::limited`] left.
    ///
    /// # Errors
    /// As [`Pool::decoding`]; the layers of one ROI and subject must agree in their number of voxels.
    pub fn encoding(input: &'a EncodingAccuracies) -> Result<Self> {
        const WORDS: Words = Words::ENCODING;
        check_names(WORDS, &input.layers, &input.subjects, &input.rois)?;
        check_count(WORDS, "layer", input.values.len(), input.layers.len())?;
        for subjects in &input.values {
            check_count(WORDS, "subject", subjects.len(), input.subjects.len())?;
            for rois in subjects {
                check_count(WORDS, "ROI", rois.len(), input.rois.len())?;
            }
        }
        let mut blocks = Vec::with_capacity(input.rois.len());
        for (roi_index, roi) in input.rois.iter().enumerate() {
            let mut row = Vec::with_capacity(input.subjects.len());
            for (subject_index, subject) in input.subjects.iter().enumerate() {
                let item = || format!("ROI `{roi}`, subject `{subject}`");
                let levels = input
                    .values
                    .iter()
                    .map(|layer| layer[subject_index][roi_index].as_deref());
                let mut block = Block::new(levels, &input.layers, item)?;
                block.positions = input.positions(subject_index, roi_index);
                row.push(block);
            }
            blocks.push(row);
        }
        Ok(Self {
            words: WORDS,
            groups: &input.rois,
            subjects: &input.subjects,
            levels: &input.layers,
            blocks,
        })
    }

    /// The same items, predicted from some of the levels only, which have these `names`.
    pub fn among<'b>(&'b self, levels: &[usize], names: &'b [String]) -> Pool<'b> {
        let among = |blocks: &[Block<'b>]| -> Vec<Block<'b>> {
            blocks.iter().map(|block| block.among(levels)).collect()
        };
        Pool {
            words: self.words,
            groups: self.groups,
            subjects: self.subjects,
            levels: names,
            blocks: (self.blocks.iter()).map(|blocks| among(blocks)).collect(),
        }
    }

    /// One warning for every subject and level that is missing in some or all groups.
    pub fn missing(&self) -> Vec<String> {
        let Words { item, group, level } = self.words;
        let mut warnings = Vec::new();
        for (subject_index, subject) in self.subjects.iter().enumerate() {
            for (level_index, level_name) in self.levels.iter().enumerate() {
                let groups: Vec<&str> = (self.groups.iter().zip(&self.blocks))
                    .filter(|(_, blocks)| blocks[subject_index].levels[level_index].is_none())
                    .map(|(name, _)| name.as_str())
                    .collect();
                let where_missing = match groups.len() {
                    0 => continue,
                    n if n == self.groups.len() => format!("every {group}"),
                    _ => format!("{group} `{}`", groups.join("`, `")),
                };
                warnings.push(format!(
                    "subject `{subject}`, {level} `{level_name}`: no accuracies for {where_missing}; \
                     the subject's {item}s compete among the other {level}s"
                ));
            }
        }
        warnings
    }
}

impl<'a> Block<'a> {
    /// A block of the given levels, `names` in the same order; `item` says in errors what it is.
    fn new(
        levels: impl Iterator<Item = Option<&'a [f32]>>,
        names: &[String],
        item: impl Fn() -> String,
    ) -> Result<Self> {
        let levels: Vec<_> = levels.collect();
        let mut present = levels
            .iter()
            .zip(names)
            .filter_map(|(values, name)| values.map(|v| (v.len(), name)));
        let Some((n_items, first)) = present.next() else {
            return Ok(Self {
                n_items: 0,
                levels,
                positions: None,
            });
        };
        if let Some((other_n, other)) = present.find(|&(n, _)| n != n_items) {
            return Err(Error::data(
                item(),
                format!("`{first}` has {n_items} accuracies and `{other}` has {other_n}"),
                "both must come from the same run; compute the accuracies of one of them again",
            ));
        }
        Ok(Self {
            n_items,
            levels,
            positions: None,
        })
    }
}

fn check_names(
    words: Words,
    layers: &[String],
    subjects: &[String],
    rois: &[String],
) -> Result<()> {
    for (what, names) in [("layer", layers), ("subject", subjects), ("ROI", rois)] {
        if names.is_empty() {
            let problem = format!("there is no {what}");
            return Err(Error::data(
                words.accuracies(),
                problem,
                "list one in the settings",
            ));
        }
    }
    Ok(())
}

fn check_count(words: Words, what: &str, n_values: usize, n_names: usize) -> Result<()> {
    if n_values == n_names {
        return Ok(());
    }
    Err(Error::data(
        words.accuracies(),
        format!("there are values for {n_values} {what}s and names for {n_names}"),
        format!("give one entry per {what}, `None` where something is missing"),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn input(values: Vec<Vec<Vec<Option<Vec<f32>>>>>) -> DecodingAccuracies {
        let names = |prefix: &str, n| (1..=n).map(|i| format!("{prefix}{i}")).collect();
        DecodingAccuracies {
            layers: names("conv", values.len()),
            subjects: names("sub-0", values[0].len()),
            rois: names("V", values[0][0].len()),
            values,
            n_test: Some(50),
        }
    }

    #[test]
    fn subjects_may_differ_but_not_rois() {
        let mut accuracies = input(vec![vec![
            vec![Some(vec![0.5; 3]), Some(vec![0.5; 3])],
            vec![Some(vec![0.5; 7]), Some(vec![0.5; 7])],
        ]]);
        let pool = Pool::decoding(&accuracies).unwrap();
        assert_eq!(
            (pool.blocks[0][0].n_items, pool.blocks[0][1].n_items),
            (3, 7)
        );
        accuracies.values[0][1][1] = Some(vec![0.5; 6]);
        let text = Pool::decoding(&accuracies).unwrap_err().to_string();
        for part in ["`conv1`", "`sub-02`", "`V1` has 7", "`V2` has 6", "again"] {
            assert!(text.contains(part), "{text}");
        }
    }

    #[test]
    fn missing_levels_are_named_once_per_subject() {
        let full = || Some(vec![0.5; 3]);
        let accuracies = input(vec![
            vec![vec![full(), None], vec![full(), full()]],
            vec![vec![full(), None], vec![None, full()]],
        ]);
        let warnings = Pool::decoding(&accuracies).unwrap().missing();
        assert_eq!(warnings.len(), 2);
        assert!(warnings[0].contains("`sub-01`, ROI `V2`: no accuracies for every layer"));
        assert!(warnings[1].contains("`sub-02`, ROI `V1`: no accuracies for layer `conv2`"));
    }

    #[test]
    fn nothing_at_all_is_an_empty_block() {
        let accuracies = input(vec![vec![vec![None, None]]]);
        assert_eq!(Pool::decoding(&accuracies).unwrap().blocks[0][0].n_items, 0);
    }

    #[test]
    fn entries_must_match_names() {
        let mut accuracies = input(vec![vec![vec![None, None]]]);
        accuracies.rois.push("V3".to_owned());
        let text = Pool::decoding(&accuracies).unwrap_err().to_string();
        assert!(text.contains("2 ROIs and names for 3"), "{text}");
    }
}
