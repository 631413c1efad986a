//! A section of the settings: each key is declared where it is read, with default, bounds and a sentence about it.

mod many;

use std::fmt::Display;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use secrecy::SecretString;

use crate::declaration::{Declaration, MASK, Scope};
use crate::document::{Node, Origin, Value};
use crate::error::Problem;
use crate::quantity::{parse_duration, parse_size};
use crate::reader::{Reader, written};

/// A section: a place in the file under which keys are read.
///
/// Every call declares a key and gives a value fit to use: what is wrong is kept for [`Reader::finish`], and until then
/// the default stands in. `doc` is one sentence without a full stop.
#[derive(Clone, Debug)]
pub struct Section<'r> {
    reader: &'r Reader,
    path: Vec<String>,
    scope: Scope,
}

/// What is said of a key beside its name.
struct About<'a> {
    kind: String,
    default: Option<&'a str>,
    doc: &'static str,
    secret: bool,
}

impl<'r> Section<'r> {
    pub(crate) const fn new(reader: &'r Reader, path: Vec<String>, scope: Scope) -> Self {
        Self { reader, path, scope }
    }

    /// A section inside this one.
    #[must_use]
    pub fn section(&self, key: &str) -> Self {
        Self { reader: self.reader, path: self.below(key), scope: self.scope }
    }

    /// `true` or `false`.
    #[must_use]
    pub fn boolean(&self, key: &str, default: bool, doc: &'static str) -> bool {
        let words = if default { "true" } else { "false" };
        let about = About { kind: "`true` or `false`".to_owned(), default: Some(words), doc, secret: false };
        let read = |text: &str| match text {
            "true" | "True" | "TRUE" => Some(true),
            "false" | "False" | "FALSE" => Some(false),
            _ => None,
        };
        self.value(key, &about, |text| read(text).ok_or_else(String::new)).unwrap_or(default)
    }

    /// A whole number within bounds.
    #[must_use]
    pub fn integer<T>(&self, key: &str, default: T, bounds: RangeInclusive<T>, doc: &'static str) -> T
    where
        T: FromStr + PartialOrd + Display + Copy,
    {
        let kind = format!("a whole number from {} to {}", bounds.start(), bounds.end());
        let words = default.to_string();
        let about = About { kind, default: Some(&words), doc, secret: false };
        let read = |text: &str| text.parse().ok().filter(|number| bounds.contains(number)).ok_or_else(String::new);
        self.value(key, &about, read).unwrap_or(default)
    }

    /// A duration with its unit (`250ms`, `1h30m`, `7d`) within bounds.
    #[must_use]
    pub fn duration(&self, key: &str, default: &str, bounds: RangeInclusive<&str>, doc: &'static str) -> Duration {
        let declared = |text: &str| parse_duration(text).expect("a duration written in the program can be read");
        let (from, to) = (declared(bounds.start()), declared(bounds.end()));
        let kind = format!("a duration with its unit, from `{}` to `{}`", bounds.start(), bounds.end());
        let about = About { kind, default: Some(default), doc, secret: false };
        let read =
            |text: &str| parse_duration(text).filter(|duration| (from..=to).contains(duration)).ok_or_else(String::new);
        self.value(key, &about, read).unwrap_or_else(|| declared(default))
    }

    /// A number of bytes, plain or with its unit (`100MiB`, `2GB`), within bounds.
    #[must_use]
    pub fn size(&self, key: &str, default: &str, bounds: RangeInclusive<&str>, doc: &'static str) -> u64 {
        let declared = |text: &str| parse_size(text).expect("a size written in the program can be read");
        let (from, to) = (declared(bounds.start()), declared(bounds.end()));
        let kind = format!("bytes, plain or with a unit, from `{}` to `{}`", bounds.start(), bounds.end());
        let about = About { kind, default: Some(default), doc, secret: false };
        let read = |text: &str| parse_size(text).filter(|size| (from..=to).contains(size)).ok_or_else(String::new);
        self.value(key, &about, read).unwrap_or_else(|| declared(default))
    }

    /// One of a few words.
    #[must_use]
    pub fn choice<T: Clone>(&self, key: &str, default: &str, choices: &[(&str, T)], doc: &'static str) -> T {
        let words: Vec<&str> = choices.iter().map(|(word, _)| *word).collect();
        let about = About { kind: format!("`{}`", words.join("`, `")), default: Some(default), doc, secret: false };
        let pick = |text: &str| choices.iter().find(|(word, _)| *word == text).map(|(_, choice)| choice.clone());
        let read = |text: &str| pick(text).ok_or_else(|| format!("it must be one of `{}`", words.join("`, `")));
        self.value(key, &about, read).unwrap_or_else(|| pick(default).expect("the default is one of the choices"))
    }

    /// A text.
    #[must_use]
    pub fn text(&self, key: &str, default: &str, doc: &'static str) -> String {
        self.parsed(key, "text", default, doc)
    }

    /// A text that may be left out; empty counts as left out.
    #[must_use]
    pub fn optional_text(&self, key: &str, doc: &'static str) -> Option<String> {
        self.optional_parsed(key, "text", doc)
    }

    /// A path of the file system.
    #[must_use]
    pub fn path(&self, key: &str, default: &str, doc: &'static str) -> PathBuf {
        self.parsed(key, "path", default, doc)
    }

    /// A path that may be left out; empty counts as left out.
    #[must_use]
    pub fn optional_path(&self, key: &str, doc: &'static str) -> Option<PathBuf> {
        self.optional_parsed(key, "path", doc)
    }

    /// Anything that is read from a text; `kind` says in words what it is.
    #[must_use]
    pub fn parsed<T>(&self, key: &str, kind: &str, default: &str, doc: &'static str) -> T
    where
        T: FromStr<Err: Display>,
    {
        let about = About { kind: kind.to_owned(), default: Some(default), doc, secret: false };
        self.value(key, &about, |text| text.parse().map_err(|error: T::Err| error.to_string()))
            .unwrap_or_else(|| default.parse().ok().expect("a default written in the program can be read"))
    }

    /// Anything that is read from a text and may be left out; empty counts as left out.
    #[must_use]
    pub fn optional_parsed<T>(&self, key: &str, kind: &str, doc: &'static str) -> Option<T>
    where
        T: FromStr<Err: Display>,
    {
        let about = About { kind: kind.to_owned(), default: None, doc, secret: false };
        let read = |text: &str| match text {
            "" => Ok(None),
            text => text.parse().map(Some).map_err(|error: T::Err| error.to_string()),
        };
        self.value(key, &about, read).flatten()
    }

    /// A secret that may be left out; empty counts as left out. It is masked wherever settings are shown.
    #[must_use]
    pub fn secret(&self, key: &str, doc: &'static str) -> Option<SecretString> {
        let about = About { kind: "text".to_owned(), default: None, doc, secret: true };
        let read = |text: &str| Ok((!text.is_empty()).then(|| SecretString::from(text)));
        self.value(key, &about, read).flatten()
    }

    /// A key of other versions that is accepted and has no effect; `why` says so in a sentence.
    pub fn retired(&self, key: &str, why: &'static str) {
        let found = self.find(key);
        self.reader.declare(Declaration {
            path: self.name(key),
            variable: self.variable(key),
            kind: "anything".to_owned(),
            default: None,
            doc: why,
            secret: false,
            value: found.as_ref().map(|_| String::new()),
            origin: found.map(|node| node.origin),
            scope: Scope::Retired,
        });
    }

    /// Demands that somebody gave a key; `why` says what needs it and how to come by it.
    pub fn require(&self, key: &str, why: &str) {
        let empty = |node: Node| node.value == Value::Text(String::new());
        if self.scope != Scope::Pattern && self.find(key).is_none_or(empty) {
            let name = self.name(key);
            let variable = self.variable(key).map(|variable| format!(" (or {variable})")).unwrap_or_default();
            self.reader.record(Problem { origin: None, message: format!("`{name}`{variable} is not set: {why}") });
        }
    }

    /// Refuses what a key holds for a reason only the program knows, such as two keys that contradict each other.
    pub fn refuse(&self, key: &str, why: &str) {
        if self.scope != Scope::Pattern {
            let origin = self.find(key).map(|node| node.origin);
            self.reader.record(Problem { origin, message: format!("`{}` {why}", self.name(key)) });
        }
    }

    /// Declares a key, reads it from the strongest layer that has it, and records what is wrong with it.
    fn value<T>(&self, key: &str, about: &About<'_>, read: impl Fn(&str) -> Result<T, String>) -> Option<T> {
        let found = self.find(key);
        let origin = found.as_ref().map(|node| node.origin.clone());
        let text = match found.map(|node| node.value) {
            None | Some(Value::Null) => None,
            Some(Value::Text(text)) => Some(text),
            Some(Value::List(_) | Value::Map(_)) => {
                self.refuse(key, &format!("must be one value: {}", about.kind));
                None
            }
        };
        self.declare(key, about, text.clone(), origin.clone());
        read(&text.as_ref()?.clone())
            .map_err(|reason| {
                let is = text.filter(|_| !about.secret).map(|text| format!(" is `{text}`")).unwrap_or_default();
                let reason = if reason.is_empty() { format!("it must be {}", about.kind) } else { reason };
                self.reader.record(Problem { origin, message: format!("`{}`{is}: {reason}", self.name(key)) });
            })
            .ok()
    }

    fn declare(&self, key: &str, about: &About<'_>, value: Option<String>, origin: Option<Origin>) {
        self.reader.declare(Declaration {
            path: self.name(key),
            variable: self.variable(key),
            kind: about.kind.clone(),
            default: about.default.map(str::to_owned),
            doc: about.doc,
            secret: about.secret,
            value: value.map(|text| if about.secret { MASK.to_owned() } else { text }),
            origin,
            scope: self.scope,
        });
    }

    fn find(&self, key: &str) -> Option<Node> {
        match self.scope {
            Scope::Key | Scope::Retired => self.reader.find(&self.below(key)),
            Scope::Instance => self.reader.in_file(&self.below(key)).cloned(),
            Scope::Pattern => None,
        }
    }

    fn variable(&self, key: &str) -> Option<String> {
        (self.scope == Scope::Key).then(|| self.reader.variable(&self.name(key)))
    }

    fn name(&self, key: &str) -> String {
        written(&self.below(key))
    }

    fn below(&self, key: &str) -> Vec<String> {
        self.path.iter().cloned().chain([key.to_owned()]).collect()
    }
}
