//! `demo`: a small synthetic study, computed from end to end.

use std::path::PathBuf;

use anyhow::Result;
use bhscore::report::scores;
use bhscore::settings::Settings;
use bhscore::study::{Behaviour, Context};
use bhscore::synth::{Plan, write_study};
use bhscore::work::Stage;
use clap::Args;

use super::crew::Crew;
use super::score::{self, MetricArg};
use super::stages::{PassArgs, SelectArgs, StageArgs, run_stage};
use super::{Global, Outcome, compute, extract, report, speech, stop_flag};

/// Options of `demo`.
#[derive(Args)]
#[command(after_help = "\
Three networks see the same images: in `forward` deeper layers resemble higher visual areas, in
`reversed` lower ones, and in `shuffled` units of all kinds are spread over the layers. Their
scores come out clearly positive, clearly negative and near zero. A fourth, `energy`, is a real
network (an ONNX file) that is run on the images; its filters were made to resemble the brain's.

Examples:
  bhscore demo
  bhscore demo my-demo --json")]
pub struct DemoArgs {
    /// Folder of the study
    #[arg(default_value = "demo-study", value_name = "DIR")]
    folder: PathBuf,
    /// Everything random follows from it
    #[arg(long, value_name = "SEED")]
    seed: Option<u64>,
}

pub fn run(global: &Global, args: &DemoArgs) -> Result<Outcome> {
    let stop = stop_flag()?;
    let mut plan = Plan::default();
    if let Some(seed) = args.seed {
        plan.seed = seed;
    }
    let say = |text: &str| {
        if !global.quiet {
            speech::note(text);
        }
    };
    write_study(&args.folder, &plan, &say)?;
    let global = Global {
        study: args.folder.clone(),
        settings: None,
        ..global.clone()
    };
    let settings: Settings = global.read_settings()?;
    let context = Context {
        layout: global.layout(),
        settings: settings.clone(),
        behaviour: Behaviour::Corrected,
        memory: global.memory(),
        reading: Default::default(),
    };
    let stage_args = StageArgs {
        select: SelectArgs {
            nets: settings
                .networks
                .iter()
                .map(|network| network.dir.clone())
                .collect(),
            layers: Vec::new(),
            subjects: Vec::new(),
            rois: Vec::new(),
        },
        compat: false,
        pass: PassArgs {
            wait: true,
            ..PassArgs::default()
        },
    };
    // A line per item would bury the result here.
    let quieter = Global {
        items_hidden: true,
        ..global.clone()
    };
    let crew = Crew::new(&global, &context.layout, &settings)?;
    for network in &settings.networks {
        let outcome = extract::if_possible(&global, network, &stage_args, &crew, &stop)?;
        if outcome != Outcome::Complete {
            return Ok(outcome);
        }
    }
    for stage in Stage::ALL {
        let outcome = run_stage(&quieter, &stage_args, &context, stage, &crew, &stop)?;
        if outcome != Outcome::Complete {
            return Ok(outcome);
        }
    }
    crew.leave(&context.layout)?;
    let networks: Vec<_> = settings.networks.iter().collect();
    let outcome = compute::score(&global, &settings, &networks, &Default::default())?;
    let mut predictivity = Vec::new();
    for network in &networks {
        predictivity.extend(score::of_network(
            &quieter,
            &network.dir,
            MetricArg::Ridge,
            &stop,
        )?);
        score::of_network(&quieter, &network.dir, MetricArg::Rdm, &stop)?;
    }
    if !global.json {
        speech::print(&format!("\n{}", scores::by_model(&predictivity)))?;
    }
    let site = report::make(&global, &Default::default())?;
    say(&format!("site: {}", site.page.display()));
    Ok(outcome.max(site.outcome))
}
