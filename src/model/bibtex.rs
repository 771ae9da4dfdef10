//! Whether references can be read: entries `@kind{key, name = value, …}`, with nothing else between them.

use std::collections::HashSet;

/// Keys of all entries.
///
/// A value is text in braces or quotes, a number or a name, or several of these joined by `#`. Braces must balance.
///
/// # Errors
/// What is wrong first, with its line.
pub fn keys(text: &str) -> Result<Vec<String>, String> {
    let mut parser = Parser { text, at: 0 };
    let mut keys: Vec<String> = Vec::new();
    let mut known = HashSet::new();
    while parser.next_is_more() {
        let key = parser.entry().map_err(|problem| parser.at_line(&problem))?;
        if !known.insert(key.clone()) {
            return Err(parser.at_line(&format!("`{key}` is there twice")));
        }
        keys.push(key);
    }
    match keys.is_empty() {
        true => Err("there is no entry".to_owned()),
        false => Ok(keys),
    }
}

struct Parser<'a> {
    text: &'a str,
    at: usize,
}

impl Parser<'_> {
    fn rest(&self) -> &str {
        &self.text[self.at..]
    }

    fn at_line(&self, problem: &str) -> String {
        let line = self.text[..self.at].matches('\n').count() + 1;
        format!("line {line}: {problem}")
    }

    /// Skips blanks; whether something follows.
    fn next_is_more(&mut self) -> bool {
        self.at += self.rest().len() - self.rest().trim_start().len();
        !self.rest().is_empty()
    }

    /// Whether the next sign is this one, which is taken then.
    fn takes(&mut self, sign: char) -> bool {
        self.next_is_more();
        let is_next = self.rest().starts_with(sign);
        self.at += if is_next { sign.len_utf8() } else { 0 };
        is_next
    }

    fn must_take(&mut self, sign: char, place: &str) -> Result<(), String> {
        match self.takes(sign) {
            true => Ok(()),
            false => Err(format!("no `{sign}` {place}")),
        }
    }

    /// A word up to a sign that means something.
    fn word(&mut self, what: &str) -> Result<String, String> {
        self.next_is_more();
        let ends = |c: char| c.is_whitespace() || "{}(),=#\"@%".contains(c);
        let length = self.rest().find(ends).unwrap_or(self.rest().len());
        let word = self.rest()[..length].to_owned();
        self.at += length;
        match word.is_empty() {
            true => Err(format!("no {what}")),
            false => Ok(word),
        }
    }

    fn entry(&mut self) -> Result<String, String> {
        self.must_take('@', "at the beginning of an entry")?;
        let kind = self.word("kind of entry after `@`")?;
        self.must_take('{', &format!("after `@{kind}`"))?;
        let key = self.word(&format!("key in `@{kind}`"))?;
        let mut n_fields = 0;
        // A comma may end the list, too.
        while self.takes(',') && !self.rest().trim_start().starts_with('}') {
            let name = self.word(&format!("name of a field in `{key}`"))?;
            self.must_take('=', &format!("after `{name}` in `{key}`"))?;
            self.value(&name)?;
            while self.takes('#') {
                self.value(&name)?;
            }
            n_fields += 1;
        }
        self.must_take('}', &format!("at the end of `{key}`"))?;
        match n_fields {
            0 => Err(format!("`{key}` has no fields")),
            _ => Ok(key),
        }
    }

    fn value(&mut self, name: &str) -> Result<(), String> {
        if self.takes('{') {
            return self.text_until('}', name);
        }
        if self.takes('"') {
            return self.text_until('"', name);
        }
        self.word(&format!("value of `{name}`")).map(|_| ())
    }

    /// Goes behind the end of a text that has begun.
    fn text_until(&mut self, end: char, name: &str) -> Result<(), String> {
        let mut depth = 0_usize;
        let mut before = ' ';
        for (place, sign) in self.rest().char_indices() {
            let is_escaped = before == '\\';
            if sign == end && depth == 0 && !is_escaped {
                self.at += place + sign.len_utf8();
                return Ok(());
            }
            match sign {
                '{' if !is_escaped => depth += 1,
                '}' if !is_escaped && depth == 0 => {
                    return Err(format!("a `}}` too many in `{name}`"));
                }
                '}' if !is_escaped => depth -= 1,
                _ => {}
            }
            before = if is_escaped { ' ' } else { sign };
        }
        Err(format!("`{name}` has no end"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_are_read() {
        let text = r#"
@article{Kubilius2019,
  title = {Brain-like {\"o} object {Recognition}},
  author = "Kubilius, {J"onas} and others",
  year = 2019, month = dec # "~1",
}
@misc{a:b-1, url={https://x.y/z?a={1}&b=@}}"#;
        assert_eq!(keys(text).unwrap(), ["Kubilius2019", "a:b-1"]);
    }

    #[test]
    fn what_is_wrong_is_told_with_its_line() {
        for (text, told) in [
            ("", "there is no entry"),
            ("see the paper", "line 1: no `@`"),
            ("@article Key", "no `{` after `@article`"),
            ("@article{title = {x}}", "no `}` at the end of `title`"),
            ("@article{a}", "`a` has no fields"),
            ("\n@a{b,\n c = {d", "line 3: `c` has no end"),
            ("@a{b, c = {d}} }", "no `@`"),
            ("@a{b, c = \"d}\"}", "a `}` too many in `c`"),
            ("@a{b, c {d}}", "no `=` after `c`"),
            ("@a{b, c = }", "no value of `c`"),
            ("@a{b, c = 1}\n@a{b, c = 1}", "`b` is there twice"),
        ] {
            let problem = keys(text).unwrap_err();
            assert!(problem.contains(told), "{text}: {problem}");
        }
    }
}
