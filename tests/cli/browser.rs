//! The site of `report` in a browser, if there is one: Chromium opens the pages from files and uses them.

use std::fs;
use std::process::Command;

use serde_json::Value;

use crate::env::TestEnv;
use crate::results::{self, DOTS, SCRIPT};

/// Names under which Chromium is installed.
const BROWSERS: [&str; 4] = [
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
];

/// The page that opens the others, uses them, and writes down what happened.
const HARNESS: &str = include_str!("browser.html");

/// Milliseconds of the page's clock within which it must be done.
const TIME: u32 = 60_000;

fn browser() -> Option<&'static str> {
    let answers = |name: &&str| {
        let version = Command::new(name).arg("--version").output();
        version.is_ok_and(|output| output.status.success())
    };
    BROWSERS.into_iter().find(answers)
}

/// What the harness saw, and what the browser said.
fn open(env: &TestEnv, browser: &str, pages: &[String]) -> (Value, String) {
    let site = format!("file://{}/", env.path("site").display());
    let pages = serde_json::to_string(pages).unwrap();
    let page = HARNESS.replace("@SITE@", &site).replace("@PAGES@", &pages);
    let path = env.path("harness.html");
    fs::write(&path, page).unwrap();
    let output = Command::new(browser)
        .args([
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-background-networking",
            "--no-first-run",
            "--host-resolver-rules=MAP * ~NOTFOUND",
            // Pages from files may look into each other: the harness into the site.
            "--allow-file-access-from-files",
            "--enable-logging=stderr",
            "--window-size=1300,1000",
            "--dump-dom",
        ])
        .arg(format!("--virtual-time-budget={TIME}"))
        .arg(format!("--user-data-dir={}", env.path("profile").display()))
        .arg(format!("file://{}", path.display()))
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    let told = text
        .split_once("<pre id=\"told\">")
        .and_then(|(_, rest)| rest.split_once("</pre>"));
    let (told, _) = told.unwrap_or_else(|| panic!("no harness in {text}\n{said}"));
    let told = told
        .replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&amp;", "&");
    let value = serde_json::from_str(&told).unwrap_or_else(|_| panic!("{told}\n{said}"));
    (value, said)
}

fn texts(value: &Value) -> Vec<&str> {
    value
        .as_array()
        .unwrap()
        .iter()
        .map(|text| text.as_str().unwrap())
        .collect()
}

#[test]
fn pages_work_in_a_browser_and_ask_for_nothing() {
    let Some(browser) = browser() else {
        eprintln!("skipped: no browser, one of {BROWSERS:?}");
        return;
    };
    let env = TestEnv::empty();
    results::write(&env.path("results"));
    env.run(["report"]).ok();
    let list = fs::read_to_string(env.path("site/.bhscore-site")).unwrap();
    let pages: Vec<String> = list
        .lines()
        .filter(|path| path.ends_with(".html"))
        .map(str::to_owned)
        .collect();
    assert_eq!(pages.len(), 2 + 6 + 4);
    let (told, said) = open(&env, browser, &pages);
    assert_eq!(told["error"], Value::Null);
    for line in said.lines() {
        assert!(!line.contains("CONSOLE"), "{line}");
    }
    for page in &pages {
        is_alone(&told[page.as_str()], page);
    }
    let heading = |page: &str| told[page]["heading"].as_str().unwrap().to_owned();
    assert_eq!(heading("models/script-alert-1-script.html"), SCRIPT);
    assert_eq!(heading("models/up-away.html"), DOTS);
    sorts(&told["sorting"]);
    folds(&told["folding"]);
    assert_eq!(
        (&told["switching"]["before"], &told["switching"]["after"]),
        (&0.into(), &4.into())
    );
}

/// Nothing was asked for, all links stay in the site, nothing is wider than 400 pixels.
fn is_alone(page: &Value, path: &str) {
    assert_eq!(texts(&page["resources"]), [""; 0], "{path}");
    assert_eq!(texts(&page["overflow"]), [""; 0], "{path}");
    assert_eq!(
        (&page["scripts"], &page["sources"]),
        (&1.into(), &0.into()),
        "{path}"
    );
    assert_eq!(
        page["styled"], true,
        "{path}: its policy forbids its own style"
    );
    for link in texts(&page["links"]) {
        assert!(
            !link.contains(':') && !link.starts_with('/'),
            "{link} in {path}"
        );
    }
    let ids = texts(&page["ids"]);
    for label in texts(&page["labels"]) {
        assert_eq!(
            ids.iter().filter(|id| **id == label).count(),
            1,
            "{label} in {path}"
        );
    }
}

/// Every column sorts both ways; rows without a value come last.
fn sorts(told: &Value) {
    let columns = told["columns"].as_array().unwrap();
    assert_eq!(columns.len(), 2 + 5 + 1 + 9);
    for column in columns.iter().filter(|column| column["text"] != "model") {
        let orders = column["orders"].as_array().unwrap();
        let words: Vec<&str> = orders
            .iter()
            .map(|order| order["order"].as_str().unwrap())
            .collect();
        assert!(
            words.contains(&"ascending") && words.contains(&"descending"),
            "{column}"
        );
        for order in orders {
            assert_eq!(order["sorted"], 1);
            let values: Vec<Option<f64>> = (order["values"].as_array().unwrap().iter())
                .map(|value| value.as_str().map(|text| text.parse().unwrap()))
                .collect();
            let some: Vec<f64> = values.iter().copied().flatten().collect();
            assert!(
                values[..some.len()].iter().all(Option::is_some),
                "{values:?}"
            );
            let ascending = order["order"] == "ascending";
            let in_order = |pair: &[f64]| {
                if ascending {
                    pair[0] <= pair[1]
                } else {
                    pair[0] >= pair[1]
                }
            };
            assert!(
                some.windows(2).all(in_order),
                "{}: {some:?}",
                column["text"]
            );
        }
    }
    let by_name = &columns[1]["orders"][0];
    let mut names = texts(&by_name["names"]);
    assert_eq!(by_name["order"], "ascending");
    let sorted = names.clone();
    names.sort_by_key(|name| name.to_lowercase());
    assert_eq!(sorted, names);
}

/// Four benchmarks below three regions, neural and average.
fn folds(told: &Value) {
    assert_eq!((&told["rows"], &told["parents"]), (&9.into(), &5.into()));
    assert_eq!(
        (&told["buttons"], &told["card"]),
        (&true.into(), &true.into())
    );
    assert_eq!(
        (&told["closed"], &told["first"], &told["opened"]),
        (&1.into(), &2.into(), &9.into())
    );
}
