//! Keys that hold many values: lists, maps, and sections of their own under free names or in a list.

use std::fmt::Display;
use std::str::FromStr;

use super::{About, Section};
use crate::declaration::Scope;
use crate::document::{Node, Origin, Value};
use crate::error::Problem;
use crate::reader::written;

impl<'r> Section<'r> {
    /// A list; where it comes as one text (a variable, a flag), its items are separated by commas.
    #[must_use]
    pub fn list<T>(&self, key: &str, kind: &str, default: &[&str], doc: &'static str) -> Vec<T>
    where
        T: FromStr<Err: Display>,
    {
        let found = self.find(key);
        let words = default.join(",");
        let about = About { kind: format!("list of {kind}"), default: Some(&words), doc, secret: false };
        let items = found.as_ref().map(|node| self.items_of(key, node));
        let shown =
            items.as_ref().map(|items| items.iter().map(|(text, _)| text.as_str()).collect::<Vec<_>>().join(","));
        self.declare(key, &about, shown, found.map(|node| node.origin));
        let read = |(text, origin): (String, Option<Origin>)| match text.parse::<T>() {
            Ok(item) => Some(item),
            Err(error) => {
                let message = format!("`{}` has `{text}`: {error}", self.name(key));
                self.reader.record(Problem { origin, message });
                None
            }
        };
        let items = items.unwrap_or_else(|| default.iter().map(|&text| (text.to_owned(), None)).collect());
        items.into_iter().filter_map(read).collect()
    }

    /// Texts under free names; where it comes as one text, pairs `name:text` are separated by commas.
    #[must_use]
    pub fn pairs(&self, key: &str, kind: &str, doc: &'static str) -> Vec<(String, String)> {
        let found = self.find(key);
        let about = About { kind: format!("map of {kind}"), default: Some(""), doc, secret: false };
        let pairs = found.as_ref().map(|node| self.pairs_of(key, node));
        let shown = pairs
            .as_ref()
            .map(|pairs| pairs.iter().map(|(name, text)| format!("{name}:{text}")).collect::<Vec<_>>().join(","));
        self.declare(key, &about, shown, found.map(|node| node.origin));
        pairs.unwrap_or_default()
    }

    /// Sections under free names, in the file only.
    pub fn entries<T>(&self, key: &str, read: impl Fn(&str, &Self) -> T) -> Vec<(String, T)> {
        self.describe(key, "<name>", |section| drop(read("<name>", section)));
        let names: Vec<String> = match self.opened(key).map(|node| &node.value) {
            Some(Value::Map(map)) => map.iter().map(|(name, _)| name.clone()).collect(),
            Some(Value::Text(_) | Value::List(_)) => {
                self.refuse(key, "must be a map of names");
                vec![]
            }
            Some(Value::Null) | None => vec![],
        };
        let item = |name: &String| read(name, &self.instance(key, name.clone()));
        names.iter().map(|name| (name.clone(), item(name))).collect()
    }

    /// A list of sections, in the file only.
    pub fn items<T>(&self, key: &str, read: impl Fn(&Self) -> T) -> Vec<T> {
        self.describe(key, "[]", |section| drop(read(section)));
        let count = match self.opened(key).map(|node| &node.value) {
            Some(Value::List(items)) => items.len(),
            Some(Value::Text(_) | Value::Map(_)) => {
                self.refuse(key, "must be a list");
                0
            }
            Some(Value::Null) | None => 0,
        };
        (0..count).map(|index| read(&self.instance(key, format!("[{index}]")))).collect()
    }

    fn items_of(&self, key: &str, node: &Node) -> Vec<(String, Option<Origin>)> {
        match &node.value {
            Value::Null => vec![],
            Value::Text(text) => {
                let items = text.split(',').map(str::trim).filter(|item| !item.is_empty());
                items.map(|item| (item.to_owned(), Some(node.origin.clone()))).collect()
            }
            Value::List(items) => {
                let texts = items.iter().filter_map(|item| match &item.value {
                    Value::Text(text) => Some((text.clone(), Some(item.origin.clone()))),
                    Value::Null | Value::List(_) | Value::Map(_) => {
                        self.refuse(key, "must be a list of single values");
                        None
                    }
                });
                texts.collect()
            }
            Value::Map(_) => {
                self.refuse(key, "must be a list");
                vec![]
            }
        }
    }

    fn pairs_of(&self, key: &str, node: &Node) -> Vec<(String, String)> {
        match &node.value {
            Value::Null => vec![],
            Value::Text(text) => {
                let pairs = text.split(',').map(str::trim).filter(|pair| !pair.is_empty());
                let split = pairs.filter_map(|pair| {
                    let halves = pair.split_once(':').map(|(name, text)| (name.to_owned(), text.to_owned()));
                    halves.or_else(|| {
                        self.refuse(key, &format!("has `{pair}`: write `name:value,name:value`"));
                        None
                    })
                });
                split.collect()
            }
            Value::Map(map) => {
                let pairs = map.iter().filter_map(|(name, child)| match &child.value {
                    Value::Text(text) => Some((name.clone(), text.clone())),
                    Value::Null | Value::List(_) | Value::Map(_) => {
                        self.refuse(key, &format!("has `{name}`, which must be one value"));
                        None
                    }
                });
                pairs.collect()
            }
            Value::List(_) => {
                self.refuse(key, "must be a map of names and values");
                vec![]
            }
        }
    }

    fn opened(&self, key: &str) -> Option<&'r Node> {
        self.reader.open(&self.name(key));
        self.reader.in_file(&self.below(key)).filter(|_| self.scope != Scope::Pattern)
    }

    fn describe(&self, key: &str, placeholder: &str, read: impl FnOnce(&Self)) {
        let mut path = self.below(key);
        path.push(placeholder.to_owned());
        read(&Self { reader: self.reader, path, scope: Scope::Pattern });
    }

    fn instance(&self, key: &str, step: String) -> Self {
        let mut path = self.below(key);
        path.push(step);
        self.reader.open(&written(&path));
        Self { reader: self.reader, path, scope: Scope::Instance }
    }
}
