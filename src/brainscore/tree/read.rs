//! The JSON of a tree.
//!
//! ```text
//! {"id": "V1", "children": [{"id": "FreemanZiemba2013.V1-pls", "version": 2, "score": 0.272},
//!                           {"id": "failed", "score": "X"}, {"hidden": true, "score": null}]}
//! ```
//!
//! | key | is |
//! |---|---|
//! | `id` | identifier; may be left out of hidden nodes |
//! | `score` | number, `"X"` (tried and failed), or null (never run); parents' are computed |
//! | `children` | nodes of which this one is the mean |
//! | `version` | of a benchmark; scores of different versions are not compared |
//! | `hidden` | not printed, but a child like the others |
//! | `engineering` | scores from here on are not clamped to 0…1 (so below a node `engineering`, too) |
//! | `rank` | shown where no rank is computed: a number or `"X"` |
//! | `count` | number of benchmarks that a leaf stands for |
//!
//! What [`super::json`](mod@super::json) writes can be read again: `coverage`, `n_scored`, `display`, `best` and
//! `median` are known and computed anew.

use std::collections::HashSet;
use std::path::Path;

use serde_json::{Map, Value};

use super::display::FAILED;
use super::node::{Node, Score};
use super::rank::Rank;
use crate::error::{Error, Result};
use crate::nearest::{nearest, quoted};

/// Keys of a node; those from the ninth on are computed.
const KEYS: [&str; 13] = [
    "id",
    "score",
    "children",
    "hidden",
    "version",
    "engineering",
    "rank",
    "count",
    "coverage",
    "n_scored",
    "display",
    "best",
    "median",
];

/// Keys that a hint lists if none is near.
const N_WRITTEN: usize = 8;

/// Reads a tree.
///
/// # Errors
/// If it cannot be read, is no JSON, has an unknown key, or a value of the wrong kind; the message says where.
pub fn read(path: impl AsRef<Path>) -> Result<Node> {
    let path = path.as_ref();
    let bytes = std::fs::read(path).map_err(Error::io("read", path))?;
    parse(path, &bytes)
}

/// A tree from the content of a file.
///
/// # Errors
/// As [`read`].
pub fn parse(path: &Path, bytes: &[u8]) -> Result<Node> {
    let value: Value = serde_json::from_slice(bytes).map_err(|error| {
        let remedy =
            "a benchmark that failed is \"X\", one that was never run null; NaN is no JSON";
        Error::file(path, format!("is not JSON: {error}"), remedy)
    })?;
    let reader = Reader { path };
    reader.node(&value, "the root")
}

struct Reader<'a> {
    path: &'a Path,
}

impl Reader<'_> {
    fn wrong(&self, place: &str, problem: &str, remedy: impl Into<String>) -> Error {
        Error::file(self.path, format!("{place} {problem}"), remedy)
    }

    fn node(&self, value: &Value, place: &str) -> Result<Node> {
        let Value::Object(object) = value else {
            let remedy = "a node is an object such as {\"id\": \"V1\", \"children\": […]}";
            return Err(self.wrong(place, "is not an object", remedy));
        };
        let hidden = self.boolean(object, "hidden", place)?.unwrap_or(false);
        let id = self.id(object, place, hidden)?;
        let place = match id.as_str() {
            "" => place.to_owned(),
            id => format!("`{id}`"),
        };
        self.check_keys(object, &place)?;
        let children = self.children(object, &place)?;
        Ok(Node {
            hidden,
            version: self.version(object, &place)?,
            engineering: self.boolean(object, "engineering", &place)?,
            rank: self.rank(object, &place)?,
            count: self.count(object, &place)?,
            score: self.score(object, &place)?,
            children,
            id,
        })
    }

    fn check_keys(&self, object: &Map<String, Value>, place: &str) -> Result<()> {
        let Some(key) = object.keys().find(|key| !KEYS.contains(&key.as_str())) else {
            return Ok(());
        };
        let near = nearest(key, KEYS);
        let remedy = match near.is_empty() {
            true => format!("known are {}", quoted(KEYS[..N_WRITTEN].iter().copied())),
            false => format!("did you mean {}?", quoted(near)),
        };
        Err(self.wrong(place, &format!("has the unknown key `{key}`"), remedy))
    }

    fn id(&self, object: &Map<String, Value>, place: &str, hidden: bool) -> Result<String> {
        match object.get("id") {
            Some(Value::String(id)) if hidden || !id.is_empty() => Ok(id.clone()),
            None if hidden => Ok(String::new()),
            None => {
                self.check_keys(object, place)?;
                Err(self.wrong(place, "has no `id`", "give each node a name as its `id`"))
            }
            Some(_) => Err(self.wrong(place, "has an `id` that is not a text", "write a text")),
        }
    }

    fn boolean(&self, object: &Map<String, Value>, key: &str, place: &str) -> Result<Option<bool>> {
        match object.get(key) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::Bool(value)) => Ok(Some(*value)),
            Some(other) => {
                let problem = format!("has {other} as `{key}`");
                Err(self.wrong(place, &problem, "write true or false"))
            }
        }
    }

    fn version(&self, object: &Map<String, Value>, place: &str) -> Result<Option<u32>> {
        let number = match object.get("version") {
            None | Some(Value::Null) => return Ok(None),
            Some(Value::String(text)) => text.strip_prefix('v').unwrap_or(text).parse().ok(),
            Some(value) => value.as_u64().and_then(|number| u32::try_from(number).ok()),
        };
        let remedy = "write a whole number such as 2";
        let wrong = || self.wrong(place, "has a `version` that is not a number", remedy);
        number.map(Some).ok_or_else(wrong)
    }

    fn rank(&self, object: &Map<String, Value>, place: &str) -> Result<Option<Rank>> {
        match object.get("rank") {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) if text == FAILED => Ok(Some(Rank::Failed)),
            Some(value) => match value.as_u64().filter(|&place| place > 0) {
                Some(place) => Ok(Some(Rank::Place(place as usize))),
                None => {
                    let remedy = "write a whole number from 1 on, \"X\" or null";
                    Err(self.wrong(place, &format!("has {value} as `rank`"), remedy))
                }
            },
        }
    }

    fn count(&self, object: &Map<String, Value>, place: &str) -> Result<Option<usize>> {
        match object.get("count") {
            None | Some(Value::Null) => Ok(None),
            Some(value) => match value.as_u64().filter(|&count| count > 0) {
                Some(count) => Ok(Some(count as usize)),
                None => {
                    let remedy = "write the number of benchmarks that it stands for";
                    Err(self.wrong(place, &format!("has {value} as `count`"), remedy))
                }
            },
        }
    }

    fn score(&self, object: &Map<String, Value>, place: &str) -> Result<Score> {
        match object.get("score") {
            None | Some(Value::Null) => Ok(Score::NotRun),
            Some(Value::String(text)) if text == FAILED => Ok(Score::Failed),
            Some(value) => value.as_f64().map(Score::Value).ok_or_else(|| {
                let remedy = "write a number, \"X\" if it failed, null if it was never run";
                self.wrong(place, &format!("has {value} as `score`"), remedy)
            }),
        }
    }

    fn children(&self, object: &Map<String, Value>, place: &str) -> Result<Vec<Node>> {
        let list = match object.get("children") {
            None | Some(Value::Null) => return Ok(Vec::new()),
            Some(Value::Array(list)) => list,
            Some(_) => {
                let remedy = "write a list of nodes: [{\"id\": …}, …]";
                return Err(self.wrong(place, "has `children` that are not a list", remedy));
            }
        };
        let mut children: Vec<Node> = Vec::with_capacity(list.len());
        let mut seen = HashSet::new();
        for (index, value) in list.iter().enumerate() {
            let of = format!("child {} of {place}", index + 1);
            let child = self.node(value, &of)?;
            if !child.hidden && !seen.insert((child.id.clone(), child.version)) {
                let problem = format!("has two children `{}`", child.id);
                let remedy = "rename one, or give them different versions";
                return Err(self.wrong(place, &problem, remedy));
            }
            children.push(child);
        }
        Ok(children)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(text: &str) -> String {
        let error = parse(Path::new("t.json"), text.as_bytes()).unwrap_err();
        error.to_string()
    }

    #[test]
    fn mistakes_are_told_with_place_and_remedy() {
        for (text, parts) in [
            ("{\"id\": \"a\", \"scor\": 1}", ["`a`", "`score`"]),
            (
                "{\"id\": \"a\", \"zzzzzzzz\": 1}",
                ["`zzzzzzzz`", "known are `id`"],
            ),
            ("{\"idd\": \"a\"}", ["`idd`", "`id`"]),
            ("{\"children\": []}", ["the root", "no `id`"]),
            (
                "{\"id\": \"a\", \"score\": \"x\"}",
                ["\"x\" as `score`", "\"X\" if it failed"],
            ),
            ("{\"id\": \"a\", \"score\": NaN}", ["not JSON", "\"X\""]),
            ("{\"id\": \"a\", \"children\": {}}", ["`a`", "not a list"]),
            (
                "{\"id\": \"a\", \"children\": [3]}",
                ["child 1 of `a`", "not an object"],
            ),
            (
                "{\"id\": \"a\", \"hidden\": 1}",
                ["1 as `hidden`", "true or false"],
            ),
            (
                "{\"id\": \"a\", \"version\": \"new\"}",
                ["`version`", "whole number"],
            ),
            ("{\"id\": \"a\", \"rank\": 0}", ["0 as `rank`", "from 1 on"]),
            (
                "{\"id\": \"a\", \"count\": -1}",
                ["-1 as `count`", "stands for"],
            ),
            (
                "{\"id\": \"a\", \"children\": [{\"id\": \"b\"}, {\"id\": \"b\"}]}",
                ["two children `b`", "versions"],
            ),
            ("[]", ["the root", "not an object"]),
        ] {
            let told = told(text);
            assert!(told.starts_with("`t.json`: "), "{told}");
            assert!(parts.iter().all(|part| told.contains(part)), "{told}");
        }
    }

    #[test]
    fn all_kinds_of_scores_are_read() {
        let text = "{\"id\": \"a\", \"children\": [{\"id\": \"b\", \"score\": 0.5, \"version\": \"v3\"}, \
            {\"id\": \"c\", \"score\": \"X\", \"rank\": \"X\"}, {\"hidden\": true}, {\"hidden\": true}, \
            {\"id\": \"b\", \"version\": 2, \"rank\": 7}]}";
        let tree = parse(Path::new("t.json"), text.as_bytes()).unwrap();
        let scores: Vec<Score> = tree.children.iter().map(|child| child.score).collect();
        let none = Score::NotRun;
        assert_eq!(scores, [Score::Value(0.5), Score::Failed, none, none, none]);
        assert_eq!(tree.children[0].version, Some(3));
        assert_eq!(tree.children[4].rank, Some(Rank::Place(7)));
    }

    #[test]
    fn endless_depth_is_an_error() {
        let text = "{\"id\":\"a\",\"children\":[".repeat(5000) + &"]}".repeat(5000);
        assert!(told(&text).contains("recursion limit"));
    }
}
