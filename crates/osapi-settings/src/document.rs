//! What a YAML file says: a tree of texts, each with the line it stands on. What they mean is for the reader to say.

use std::fmt;
use std::io::Read as _;
use std::path::Path;

use saphyr::{MarkedYaml, ScalarStyle, YamlData, YamlLoader};
use saphyr_parser::{Event, Parser};

use crate::error::{Problem, SettingsError};

/// Larger files are refused: no configuration is this long.
const MAX_BYTES: u64 = 1 << 20;

/// Deeper nesting is refused: the loader takes a stack frame for each level, and no key of ours stands half as deep.
const MAX_DEPTH: usize = 64;

/// Where a value comes from.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Origin {
    /// A line of a file, counted from 1.
    Line(String, usize),
    /// A flag, a variable or another named place.
    Named(String),
}

impl fmt::Display for Origin {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Line(file, line) => write!(formatter, "{file}:{line}"),
            Self::Named(name) => formatter.write_str(name),
        }
    }
}

/// A file's contents, not yet checked against any key.
#[derive(Clone, Debug)]
pub struct Document {
    pub(crate) root: Node,
}

/// A value and where it stands.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Node {
    pub(crate) origin: Origin,
    pub(crate) value: Value,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value {
    /// Nothing: `key:` or `key: null`.
    Null,
    Text(String),
    List(Vec<Node>),
    Map(Vec<(String, Node)>),
}

impl Document {
    /// A file that says nothing.
    #[must_use]
    pub fn empty() -> Self {
        Self { root: Node { origin: Origin::Named(String::new()), value: Value::Null } }
    }

    /// Reads a file. Problems name it by its path as given.
    ///
    /// # Errors
    /// It cannot be read, is longer than 1 MiB, or is not YAML.
    pub fn read(path: &Path) -> Result<Self, SettingsError> {
        let name = path.display().to_string();
        let failed = |source| SettingsError::Read { path: name.clone(), source };
        let mut text = String::new();
        let file = std::fs::File::open(path).map_err(failed)?;
        file.take(MAX_BYTES + 1).read_to_string(&mut text).map_err(failed)?;
        if text.len() as u64 > MAX_BYTES {
            return Err(failed(std::io::Error::other("it is longer than 1 MiB")));
        }
        Self::parse(&name, &text)
    }

    /// Reads a text as if it stood in the file of that name.
    ///
    /// # Errors
    /// It is not one YAML document of keys and values.
    pub fn parse(file: &str, text: &str) -> Result<Self, SettingsError> {
        let refuse = |line, message: String| {
            SettingsError::Problems(vec![Problem { origin: Some(Origin::Line(file.to_owned(), line)), message }])
        };
        if let Some(line) = too_deep(text) {
            return Err(refuse(line, format!("it is nested more than {MAX_DEPTH} levels deep")));
        }
        let mut loader = YamlLoader::<MarkedYaml<'_>>::default();
        loader.early_parse(false);
        let scanned = Parser::new_from_str(text).load(&mut loader, true);
        if let Some(error) = scanned.err().or_else(|| loader.error().cloned()) {
            return Err(refuse(error.marker().line(), format!("this is not YAML: {}", error.info())));
        }
        let mut documents = loader.into_documents();
        if documents.len() > 1 {
            return Err(refuse(1, "there must be one YAML document, and here are several".to_owned()));
        }
        let Some(document) = documents.pop() else { return Ok(Self::empty()) };
        let root =
            Node::of(file, document.span.start.line(), &document).map_err(|(line, message)| refuse(line, message))?;
        match root.value {
            Value::Null | Value::Map(_) => Ok(Self { root }),
            Value::Text(_) | Value::List(_) => {
                Err(refuse(document.span.start.line(), "the file must hold `key: value` lines".to_owned()))
            }
        }
    }
}

/// The line on which nesting becomes too deep. Where the text is not YAML it is for the loader to say so.
fn too_deep(text: &str) -> Option<usize> {
    let mut depth = 0_usize;
    for (event, span) in Parser::new_from_str(text).map_while(Result::ok) {
        match event {
            Event::SequenceStart(..) | Event::MappingStart(..) => depth += 1,
            Event::SequenceEnd | Event::MappingEnd => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > MAX_DEPTH {
            return Some(span.start.line());
        }
    }
    None
}

impl Node {
    /// The node as a tree of texts. Its line is given from outside: that of its key, where a reader looks for it.
    fn of(file: &str, line: usize, yaml: &MarkedYaml<'_>) -> Result<Self, (usize, String)> {
        let value = match &yaml.data {
            YamlData::Representation(text, ScalarStyle::Plain, _)
                if matches!(&**text, "" | "~" | "null" | "Null" | "NULL") =>
            {
                Value::Null
            }
            YamlData::Representation(text, _, _) => Value::Text(text.to_string()),
            YamlData::Sequence(items) => Value::List(
                items.iter().map(|item| Self::of(file, item.span.start.line(), item)).collect::<Result<_, _>>()?,
            ),
            YamlData::Mapping(entries) => {
                let mut map: Vec<(String, Self)> = Vec::with_capacity(entries.len());
                for (key, value) in entries {
                    let line = key.span.start.line();
                    let YamlData::Representation(name, _, _) = &key.data else {
                        return Err((line, "a key must be a plain word".to_owned()));
                    };
                    if map.iter().any(|(known, _)| known == name) {
                        return Err((line, format!("`{name}` stands here a second time")));
                    }
                    map.push((name.to_string(), Self::of(file, line, value)?));
                }
                Value::Map(map)
            }
            YamlData::Value(_) | YamlData::Tagged(..) | YamlData::Alias(_) | YamlData::BadValue => {
                return Err((line, "YAML tags are not understood here".to_owned()));
            }
        };
        Ok(Self { origin: Origin::Line(file.to_owned(), line), value })
    }

    /// The value under a key, unless it is null or this is no map.
    pub(crate) fn get(&self, key: &str) -> Option<&Self> {
        match &self.value {
            Value::Map(map) => {
                map.iter().find(|(name, _)| name == key).map(|(_, node)| node).filter(|node| node.value != Value::Null)
            }
            Value::Null | Value::Text(_) | Value::List(_) => None,
        }
    }

    /// The item of a list.
    pub(crate) fn item(&self, index: &str) -> Option<&Self> {
        match &self.value {
            Value::List(items) => items.get(index.parse::<usize>().ok()?),
            Value::Null | Value::Text(_) | Value::Map(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(text: &str) -> String {
        Document::parse("f.yaml", text).unwrap_err().to_string()
    }

    #[test]
    fn every_value_keeps_its_text_and_line() {
        let document = Document::parse("f.yaml", "a:\n  b: 1.10\n  c:\n    - 007\nd:\n").unwrap();
        let a = document.root.get("a").unwrap();
        assert_eq!(a.origin.to_string(), "f.yaml:1");
        assert_eq!(a.get("b").unwrap().value, Value::Text("1.10".to_owned()));
        let Value::List(items) = &a.get("c").unwrap().value else { panic!("no list") };
        assert_eq!((items[0].origin.to_string().as_str(), &items[0].value), ("f.yaml:4", &Value::Text("007".into())));
        assert!(document.root.get("d").is_none());
    }

    #[test]
    fn what_is_not_a_configuration_is_refused_with_its_line() {
        assert!(refusal("a: 1\nb: [1\nc: 2\n").starts_with("f.yaml:"));
        assert_eq!(refusal("a: 1\n'a': 2\n"), "f.yaml:2: `a` stands here a second time");
        assert_eq!(refusal("- a\n"), "f.yaml:1: the file must hold `key: value` lines");
        assert!(refusal("a: 1\n---\nb: 1\n").contains("one YAML document"));
        let bomb = (1..30)
            .fold("a0: &a0 [x, x]\n".to_owned(), |text, n| format!("{text}a{n}: &a{n} [*a{}, *a{}]\n", n - 1, n - 1));
        assert!(refusal(&bomb).contains("not YAML"), "an alias bomb was expanded");
        assert!(Document::parse("f.yaml", &format!("a:\n  {}x\n", "- ".repeat(30))).is_ok());
        assert!(refusal(&format!("a:\n  {}x\n", "- ".repeat(200_000))).contains("nested"), "the stack was used up");
        assert!(Document::parse("f.yaml", "").unwrap().root.get("a").is_none());
    }
}
