//! From the text of a select expression to its tree: words and signs, then recursive descent.
//!
//! Problems are told in words, with the piece found and the character (from 1) where it starts.

use std::fmt;

use super::{Join, Node};

/// Deepest nesting of parentheses; more is a mistake, and would cost stack.
const DEEPEST_NESTING: usize = 64;

/// Most words and signs: more would cost stack, too. `ROI_a = 1 | ROI_b = 1 | …` for a thousand keys has as many.
const MOST_TOKENS: usize = 4000;

/// Reads a whole expression; the error is the problem in words.
pub(super) fn parse(text: &str) -> Result<Node, String> {
    let tokens = tokens(text).map_err(|at| format!("the quote at character {at} is not closed"))?;
    if tokens.len() > MOST_TOKENS {
        return Err(format!(
            "it has {} words and signs, more than {MOST_TOKENS} (`*` stands for any part of a key)",
            tokens.len()
        ));
    }
    let mut parser = Parser {
        tokens: &tokens,
        next: 0,
        depth: 0,
    };
    let root = parser.expression()?;
    match parser.peek() {
        None => Ok(root),
        Some(_) => Err(parser.unexpected("an operator or the end")),
    }
}

/// A piece of an expression and the character (from 1) at which it starts.
#[derive(Debug, Clone, PartialEq)]
struct Token {
    at: usize,
    kind: Kind,
}

#[derive(Debug, Clone, PartialEq)]
enum Kind {
    Sign(char),
    Top,
    /// A key or a number; pieces that only spaces or quotes separate are one word, as in bdpy.
    Word(String),
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Kind::Sign(sign) => write!(f, "`{sign}`"),
            Kind::Top => f.write_str("`top`"),
            Kind::Word(word) => write!(f, "`{word}`"),
        }
    }
}

/// Splits the text; the error is the position of a quote that is not closed.
fn tokens(text: &str) -> Result<Vec<Token>, usize> {
    let is_sign = |c: char| "()=|&+-@".contains(c);
    let mut tokens: Vec<Token> = Vec::new();
    // Whether the last token is a word that may still grow.
    let mut open = false;
    let mut characters = text.chars().zip(1..).peekable();
    while let Some((c, at)) = characters.next() {
        if c.is_whitespace() {
            continue;
        }
        if is_sign(c) {
            tokens.push(Token {
                at,
                kind: Kind::Sign(c),
            });
            open = false;
            continue;
        }
        let mut piece = String::new();
        if c == '"' || c == '\'' {
            loop {
                match characters.next() {
                    None => return Err(at),
                    Some((end, _)) if end == c => break,
                    Some((inner, _)) => piece.push(inner),
                }
            }
        } else {
            piece.push(c);
            let ends = |c: char| is_sign(c) || c.is_whitespace() || c == '"' || c == '\'';
            while let Some((inner, _)) = characters.next_if(|&(c, _)| !ends(c)) {
                piece.push(inner);
            }
            if piece == "top" {
                tokens.push(Token {
                    at,
                    kind: Kind::Top,
                });
                open = false;
                continue;
            }
        }
        match tokens.last_mut() {
            Some(Token {
                kind: Kind::Word(word),
                ..
            }) if open => word.push_str(&piece),
            _ => tokens.push(Token {
                at,
                kind: Kind::Word(piece),
            }),
        }
        open = true;
    }
    Ok(tokens)
}

/// Recursive descent; the error is the problem in words, with the position.
struct Parser<'a> {
    tokens: &'a [Token],
    next: usize,
    depth: usize,
}

impl Parser<'_> {
    fn peek(&self) -> Option<&Kind> {
        self.tokens.get(self.next).map(|token| &token.kind)
    }

    fn take_sign(&mut self, sign: char) -> bool {
        let found = self.peek() == Some(&Kind::Sign(sign));
        self.next += usize::from(found);
        found
    }

    fn unexpected(&self, expected: &str) -> String {
        match self.tokens.get(self.next) {
            Some(token) => {
                format!(
                    "expected {expected}, found {} at character {}",
                    token.kind, token.at
                )
            }
            None => format!("expected {expected}, found the end"),
        }
    }

    /// expression := union { `@` union }
    fn expression(&mut self) -> Result<Node, String> {
        let mut left = self.union()?;
        while self.peek() == Some(&Kind::Sign('@')) {
            let Node::Top {
                key,
                count,
                among: None,
            } = left
            else {
                return Err(self.unexpected("`KEY top N` alone on the left (`&` joins conditions)"));
            };
            self.next += 1;
            left = Node::Top {
                key,
                count,
                among: Some(Box::new(self.union()?)),
            };
        }
        Ok(left)
    }

    /// union := test { (`|` `+` `&` `-`) test }
    fn union(&mut self) -> Result<Node, String> {
        let mut left = self.test()?;
        loop {
            let join = match self.peek() {
                Some(Kind::Sign('|' | '+')) => Join::Or,
                Some(Kind::Sign('&')) => Join::And,
                Some(Kind::Sign('-')) => Join::Without,
                _ => return Ok(left),
            };
            self.next += 1;
            left = Node::Join(join, Box::new(left), Box::new(self.test()?));
        }
    }

    /// test := atom { `=` number | `top` number }
    fn test(&mut self) -> Result<Node, String> {
        let mut left = self.atom()?;
        loop {
            if self.take_sign('=') {
                left = Node::Equal(Box::new(left), self.number("a number after `=`")?);
            } else if self.peek() == Some(&Kind::Top) {
                let Node::Key(key) = left else {
                    return Err(self.unexpected("an operator or the end (`top` follows one key)"));
                };
                self.next += 1;
                let at = self.next;
                let count = self.number("a number after `top`")?;
                if count.fract() != 0.0 {
                    self.next = at;
                    return Err(self.unexpected("a whole number after `top`"));
                }
                left = Node::Top {
                    key,
                    count: count as usize,
                    among: None,
                };
            } else {
                return Ok(left);
            }
        }
    }

    /// atom := key | `(` expression `)`
    fn atom(&mut self) -> Result<Node, String> {
        if self.take_sign('(') {
            self.depth += 1;
            if self.depth > DEEPEST_NESTING {
                return Err(self.unexpected("fewer than 64 nested parentheses"));
            }
            let inner = self.expression()?;
            if !self.take_sign(')') {
                return Err(self.unexpected("an operator or `)`"));
            }
            self.depth -= 1;
            return Ok(inner);
        }
        match self.peek() {
            Some(Kind::Word(word)) if !word.is_empty() && number(word).is_none() => {
                let key = word.clone();
                self.next += 1;
                Ok(Node::Key(key))
            }
            _ => Err(self.unexpected("a metadata key")),
        }
    }

    /// number := digits | `(` number `)`
    fn number(&mut self, expected: &str) -> Result<f64, String> {
        let grouped = self.take_sign('(');
        let Some(number) = self.peek().and_then(|kind| match kind {
            Kind::Word(word) => number(word),
            _ => None,
        }) else {
            return Err(self.unexpected(expected));
        };
        self.next += 1;
        if grouped && !self.take_sign(')') {
            return Err(self.unexpected("`)`"));
        }
        Ok(number)
    }
}

/// The number that a word of digits, with or without a decimal point, stands for.
fn number(word: &str) -> Option<f64> {
    let is_number = word.chars().all(|c| c.is_ascii_digit() || c == '.');
    is_number.then(|| word.parse().ok()).flatten()
}
