//! CSV tables, one or two, as `relate` joins them.
#![no_main]

use std::path::Path;

use bhscore::io::table::Table;
use bhscore::relate::{Draws, Request, relate};
use bhscore_fuzz::parts;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let read = |part| Table::parse(Path::new("fuzz.csv"), part).ok();
    let tables: Vec<Table> = parts(bytes).take(2).filter_map(read).collect();
    let (Some(first), Some(last)) = (tables.first(), tables.last()) else {
        return;
    };
    for (column, name) in first.columns().iter().enumerate() {
        let _ = first.keys(column);
        let _ = last.find(name);
        for row in 0..first.n_rows() {
            let _ = first.number(row, column);
        }
    }
    // Few columns and draws: the arithmetic is tested elsewhere.
    let names = |table: &Table| table.columns().iter().skip(1).take(2).cloned().collect();
    let request = Request {
        x: names(first),
        y: names(last),
        controls: first.columns().iter().skip(3).take(1).cloned().collect(),
        group: last.columns().get(3).cloned(),
        draws: Draws {
            n_resamples: 20,
            n_permutations: 20,
            seed: 1,
        },
        ..Request::default()
    };
    let _ = relate(&tables, &request);
});
