//! Layers and recordings that were asked for.

use std::path::{Path, PathBuf};

use anyhow::Result;
use bhscore::Error;
use bhscore::brainscore::layer::Layer;
use bhscore::brainscore::recordings::{Grouping, Recordings, of_roi, over_time};
use bhscore::io::assembly::{Assembly, folder};
use bhscore::io::bdata::BData;
use bhscore::io::features;
use bhscore::nearest::{nearest, quoted};
use bhscore::settings::{Decoding, Roi, Settings};
use bhscore::study::brain::Samples;

use super::args::{Half, ModelArgs, RecordingArgs, Time};
use crate::cli::Global;

/// A model and its layers, in their order.
pub struct Model {
    pub name: String,
    pub layers: Vec<Layer>,
}

/// What is compared.
pub struct Data {
    pub model: Model,
    /// Name of the recordings.
    pub source: String,
    /// By region, then subject.
    pub recordings: Vec<Recordings>,
}

/// Reads recordings, and finds layers.
///
/// - `groups`: column of groups of stimuli.
pub fn data(
    global: &Global,
    of_model: &ModelArgs,
    args: &RecordingArgs,
    groups: Option<&str>,
) -> Result<Data> {
    let model = model(global, of_model)?;
    let half = of_model.split.unwrap_or_default();
    let net = of_model.net.as_deref().map(|net| (net, half));
    let (source, recordings) = recordings(global, net, args, groups)?;
    Ok(Data {
        model,
        source,
        recordings,
    })
}

/// Name of the recordings, and those of every region and subject.
///
/// - `net`: network of the study whose recordings are meant, and the half; otherwise files.
pub fn recordings(
    global: &Global,
    net: Option<(&str, Half)>,
    args: &RecordingArgs,
    groups: Option<&str>,
) -> Result<(String, Vec<Recordings>)> {
    let taking = Taking {
        args,
        grouping: Grouping {
            stratify: args.stratify.clone().filter(|column| column != "none"),
            groups: groups.map(str::to_owned),
        },
    };
    let (source, mut recordings) = match net {
        Some((net, half)) => of_study(global, net, half, &taking)?,
        None => of_files(global, &taking)?,
    };
    if args.stratify.as_deref() == Some("none") {
        recordings.iter_mut().for_each(|one| one.classes = None);
    }
    Ok((source, recordings))
}

/// Finds the layers that were asked for.
pub fn model(global: &Global, args: &ModelArgs) -> Result<Model> {
    let (name, mut layers) = match &args.net {
        Some(net) => {
            let settings = global.read_settings()?;
            let network = settings.network(net)?;
            let (layout, split) = (global.layout(), args.split.unwrap_or_default().into());
            let layer =
                |layer: &String| Layer::folder(layer, &layout.features(split, &network.dir, layer));
            (
                network.dir.clone(),
                network.layers.iter().map(layer).collect(),
            )
        }
        None => (model_of(&args.features)?, layers_of_files(args)?),
    };
    let names: Vec<String> = layers.iter().map(|layer| layer.name.clone()).collect();
    let wanted = chosen("layer", &args.layers, &names)?;
    layers.retain(|layer| wanted.contains(&&layer.name));
    Ok(Model { name, layers })
}

/// What a model is called whose features are files.
fn model_of(features: &[String]) -> Result<String> {
    match features.first() {
        Some(first) => {
            let path = first.rsplit_once('=').map_or(&first[..], |(_, path)| path);
            Ok(stem(Path::new(path)))
        }
        None => {
            let remedy = "name a network of the study with `--net`, or files with `--features`";
            Err(Error::data("the model", "is not given", remedy).into())
        }
    }
}

fn layers_of_files(args: &ModelArgs) -> Result<Vec<Layer>> {
    let mut layers: Vec<Layer> = Vec::new();
    for given in &args.features {
        layers.extend(layers_of(given, args.ids.as_deref())?);
    }
    let is_folder = |given: &String| name_and_path(given).1.is_dir();
    if let Some(ids) = &args.ids
        && args.features.iter().all(is_folder)
    {
        let problem = "would name the rows of an array, and features in folders have the names of their files";
        return Err(Error::file(ids, problem, "leave `--ids` out").into());
    }
    let is_second = |at: &usize| {
        layers[..*at]
            .iter()
            .any(|layer| layer.name == layers[*at].name)
    };
    if let Some(twice) = (1..layers.len()).find(is_second) {
        let remedy = "give them different names: `--features LAYER=PATH`";
        let item = format!("layer `{}`", layers[twice].name);
        return Err(Error::data(item, "is given twice", remedy).into());
    }
    Ok(layers)
}

struct Taking<'a> {
    args: &'a RecordingArgs,
    grouping: Grouping,
}

impl Taking<'_> {
    fn recordings(
        &self,
        assembly: &Assembly,
        region: &str,
        subject: Option<&str>,
    ) -> Result<Recordings> {
        let averaged;
        let assembly = match self.args.time.unwrap_or_default() {
            Time::Bins => assembly,
            Time::Mean if assembly.bins.len() <= 1 && assembly.values.shape()[2] == 1 => assembly,
            Time::Mean => {
                averaged = over_time(assembly);
                &averaged
            }
        };
        let estimator = self.args.ceiling.unwrap_or_default().into();
        Ok(Recordings::new(
            assembly,
            region,
            subject,
            &self.grouping,
            estimator,
        )?)
    }
}

/// Those of `known` that were asked for; all if none was.
fn chosen<'a>(what: &str, wanted: &[String], known: &'a [String]) -> Result<Vec<&'a String>> {
    for name in wanted {
        if !known.contains(name) {
            let near = nearest(name, known.iter().map(String::as_str));
            let remedy = match near.is_empty() {
                true => format!("choose from {}", quoted(known.iter().map(String::as_str))),
                false => format!("did you mean {}?", quoted(near)),
            };
            let problem = "is not there".to_owned();
            return Err(Error::data(format!("{what} `{name}`"), problem, remedy).into());
        }
    }
    let is_wanted = |name: &&String| wanted.is_empty() || wanted.contains(name);
    Ok(known.iter().filter(is_wanted).collect())
}

/// Name of the recordings, and those of every region and subject.
fn of_study(
    global: &Global,
    net: &str,
    half: Half,
    taking: &Taking,
) -> Result<(String, Vec<Recordings>)> {
    let args = taking.args;
    let settings = global.read_settings()?;
    let layout = global.layout();
    let network = settings.network(net)?;
    let split = half.into();
    let subjects = chosen("subject", &args.subjects, &settings.subjects)?;
    let names: Vec<String> = settings.rois.iter().map(|roi| roi.name.clone()).collect();
    let rois = chosen("ROI", &args.rois, &names)?;
    let images = match network.layers.first() {
        Some(layer) => {
            let folder = layout.features(split, &network.dir, layer);
            features::Layer::open(&folder)?.labels().to_vec()
        }
        None => Vec::new(),
    };
    let mut by_subject = Vec::new();
    for subject in subjects {
        let path = layout.fmri(&settings, split, subject);
        let table = BData::read(&path)?;
        for roi in settings.rois.iter().filter(|roi| rois.contains(&&roi.name)) {
            let assembly = assembly(&table, &path, roi, &settings.decoding.label_key, &images)?;
            by_subject.push(taking.recordings(&assembly, &roi.name, Some(subject))?);
        }
    }
    let place = |recordings: &Recordings| names.iter().position(|name| *name == recordings.region);
    // Stable: subjects stay in order.
    by_subject.sort_by_key(place);
    let source = match half {
        Half::Training => "fmri",
        Half::Test => "fmri-test",
    };
    Ok((source.to_owned(), by_subject))
}

fn assembly(
    table: &BData,
    path: &Path,
    roi: &Roi,
    label_key: &str,
    images: &[String],
) -> Result<Assembly> {
    let samples = Samples::select(table, path, roi, label_key)?;
    Ok(of_roi(samples, images)?)
}

/// Name of the recordings, and those of every region and subject.
fn of_files(global: &Global, taking: &Taking) -> Result<(String, Vec<Recordings>)> {
    let args = taking.args;
    let Some(first) = args.brain.first() else {
        let remedy = "name their file with `--brain`";
        return Err(Error::data("the recordings", "are not given", remedy).into());
    };
    let mut recordings: Vec<Recordings> = Vec::new();
    let stems: Vec<String> = args.brain.iter().map(|path| stem(path)).collect();
    if let Some(twice) = (1..stems.len()).find(|&at| stems[..at].contains(&stems[at])) {
        let remedy = "give each subject's file a name of its own";
        return Err(Error::data(
            format!("subject `{}`", stems[twice]),
            "is given twice",
            remedy,
        )
        .into());
    }
    for path in &args.brain {
        // One file holds whatever subjects it does; of several, each is one.
        let subject = (args.brain.len() > 1).then(|| stem(path));
        recordings.extend(of_file(global, path, subject.as_deref(), taking)?);
    }
    if recordings.is_empty() {
        let remedy = "leave `--roi` out, or correct it (`bhscore inspect` shows what is there)";
        return Err(Error::data("the recordings", "have none of these regions", remedy).into());
    }
    let mut regions: Vec<String> = Vec::new();
    for one in &recordings {
        if !regions.contains(&one.region) {
            regions.push(one.region.clone());
        }
    }
    recordings.sort_by_key(|one| regions.iter().position(|region| *region == one.region));
    Ok((stem(first), recordings))
}

/// What data in a file are called.
pub fn stem(path: &Path) -> String {
    let stem = path.file_stem().unwrap_or(path.as_os_str());
    stem.to_string_lossy().into_owned()
}

/// The two parts of LAYER=PATH; a layer without a name has that of its file.
fn name_and_path(given: &str) -> (String, PathBuf) {
    match given.split_once('=') {
        Some((name, path)) if !Path::new(given).exists() => (name.to_owned(), PathBuf::from(path)),
        _ => (stem(Path::new(given)), PathBuf::from(given)),
    }
}

/// A layer, or all layers of a folder of folders.
pub fn layers_of(given: &str, ids: Option<&Path>) -> Result<Vec<Layer>> {
    let (name, path) = name_and_path(given);
    if !path.is_dir() {
        return Ok(vec![Layer::array(&name, &path, ids)?]);
    }
    let mut folders = Vec::new();
    for entry in std::fs::read_dir(&path).map_err(Error::io("list", &path))? {
        let entry = entry.map_err(Error::io("list", &path))?.path();
        if entry.is_dir() {
            folders.push(entry);
        }
    }
    if folders.is_empty() {
        return Ok(vec![Layer::folder(&name, &path)]);
    }
    folders.sort();
    Ok(folders
        .iter()
        .map(|folder| {
            Layer::folder(
                &folder.file_name().unwrap_or_default().to_string_lossy(),
                folder,
            )
        })
        .collect())
}

/// Recordings of each region of a file.
fn of_file(
    global: &Global,
    path: &Path,
    subject: Option<&str>,
    taking: &Taking,
) -> Result<Vec<Recordings>> {
    let args = taking.args;
    let extension = path.extension().and_then(|extension| extension.to_str());
    if matches!(extension, Some("h5" | "hdf5" | "mat")) {
        let table = BData::read(path)?;
        let mut found = Vec::new();
        let (rois, label_key) = rois(global, args)?;
        for roi in rois {
            let assembly = assembly(&table, path, &roi, &label_key, &[])?;
            found.push(taking.recordings(&assembly, &roi.name, subject)?);
        }
        return Ok(found);
    }
    let assembly = match extension {
        Some("npy") => folder::bare(path, args.brain_ids.as_deref(), args.sites.as_deref())?,
        _ => Assembly::read(path)?,
    };
    let Some(column) = assembly.sites.get("region") else {
        return match args.rois.as_slice() {
            [] => Ok(vec![taking.recordings(&assembly, "all", subject)?]),
            // An array alone tells nothing of its sites: the name is the user's.
            [region] if extension == Some("npy") => {
                Ok(vec![taking.recordings(&assembly, region, subject)?])
            }
            _ => {
                let problem = "does not name the regions of its sites: there is no column `region`";
                let remedy = "leave `--roi` out, or add the column to what describes the sites";
                Err(Error::file(path, problem, remedy).into())
            }
        };
    };
    let mut regions = column.to_vec();
    regions.sort();
    regions.dedup();
    chosen("region", &args.rois, &regions)?
        .into_iter()
        .map(|region| {
            let sites = (0..column.len()).filter(|&site| column[site] == *region);
            taking.recordings(
                &assembly.with_sites(&sites.collect::<Vec<_>>()),
                region,
                subject,
            )
        })
        .collect()
}

/// ROIs of brain data: those of settings.json if there is one, or expressions that were given.
fn rois(global: &Global, args: &RecordingArgs) -> Result<(Vec<Roi>, String)> {
    let given = |text: &String| {
        let (name, select) = text.split_once('=').unwrap_or((text, text));
        Roi {
            name: name.trim().to_owned(),
            select: select.trim().to_owned(),
        }
    };
    let path = global
        .settings
        .clone()
        .unwrap_or_else(|| global.layout().settings());
    if !path.exists() {
        if args.rois.is_empty() {
            let remedy = "name them: `--roi V1=ROI_V1,V2=ROI_V2` (`bhscore inspect` lists what can be selected)";
            return Err(
                Error::data("the ROIs", "are not known without a settings.json", remedy).into(),
            );
        }
        let rois = args.rois.iter().map(given).collect();
        return Ok((rois, Decoding::default().label_key));
    }
    let settings: Settings = global.read_settings()?;
    let names: Vec<String> = settings.rois.iter().map(|roi| roi.name.clone()).collect();
    let (expressions, known): (Vec<String>, Vec<String>) =
        args.rois.iter().cloned().partition(|roi| roi.contains('='));
    let mut rois: Vec<Roi> = expressions.iter().map(given).collect();
    if !known.is_empty() || rois.is_empty() {
        let chosen = chosen("ROI", &known, &names)?;
        rois.extend(
            settings
                .rois
                .iter()
                .filter(|roi| chosen.contains(&&roi.name))
                .cloned(),
        );
    }
    Ok((rois, settings.decoding.label_key))
}
