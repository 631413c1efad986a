//! Lays flags, environment, context and file over one another and keeps account: what was declared, and what is wrong.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::declaration::{Declaration, Scope};
use crate::document::{Document, Node, Origin, Value};
use crate::environment::Environment;
use crate::error::{Problem, SettingsError};
use crate::section::Section;

/// Values by key path from another place than file and environment: flags, or a named context.
#[derive(Clone, Debug, Default)]
pub struct Layer {
    values: BTreeMap<String, (String, Origin)>,
}

impl Layer {
    /// A layer that says nothing.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The same with a value; `origin` names the place in messages, such as `--port`.
    #[must_use]
    pub fn with(mut self, path: &str, value: impl Into<String>, origin: &str) -> Self {
        self.values.insert(path.to_owned(), (value.into(), Origin::Named(origin.to_owned())));
        self
    }

    /// The same with a value where there is one.
    #[must_use]
    pub fn with_some(self, path: &str, value: Option<impl Into<String>>, origin: &str) -> Self {
        match value {
            Some(value) => self.with(path, value, origin),
            None => self,
        }
    }
}

/// Reads settings: sections and keys are asked for one by one, then [`Reader::finish`] says what was wrong.
#[derive(Debug)]
pub struct Reader {
    flags: Layer,
    variables: BTreeMap<String, String>,
    context: Layer,
    document: Document,
    prefix: String,
    account: RefCell<Account>,
}

#[derive(Debug, Default)]
struct Account {
    declarations: Vec<Declaration>,
    problems: Vec<Problem>,
    /// Paths of maps and lists whose items were read.
    opened: BTreeSet<String>,
    /// Variables that name a key, or are known for another reason.
    known_variables: BTreeSet<String>,
}

impl Reader {
    /// A reader of a file under the environment, whose variables are `PREFIX_` and the key path in upper case, `.` as `_`.
    #[must_use]
    pub fn new(prefix: &str, document: Document, environment: &Environment) -> Self {
        let prefix = format!("{prefix}_");
        let variables =
            environment.beginning_with(&prefix).map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        Self { flags: Layer::new(), variables, context: Layer::new(), document, prefix, account: RefCell::default() }
    }

    /// The same with flags over everything.
    #[must_use]
    pub fn with_flags(self, flags: Layer) -> Self {
        Self { flags, ..self }
    }

    /// The same with a context between environment and file.
    #[must_use]
    pub fn with_context(self, context: Layer) -> Self {
        Self { context, ..self }
    }

    /// The same, not minding these variables, which begin with the prefix and stand for no key.
    #[must_use]
    pub fn with_known_variables(self, names: &[&str]) -> Self {
        self.account.borrow_mut().known_variables.extend(names.iter().map(|&name| name.to_owned()));
        self
    }

    /// The whole file, for keys at its top.
    pub fn root(&self) -> Section<'_> {
        Section::new(self, vec![], Scope::Key)
    }

    /// A section at the top of the file.
    pub fn section(&self, key: &str) -> Section<'_> {
        self.root().section(key)
    }

    /// Refuses whatever was declared so far and is wrong for a reason only the program knows, such as a file that is not there.
    pub fn refuse_where(&self, wrong: impl Fn(&Declaration) -> Option<String>) {
        let mut account = self.account.borrow_mut();
        let problem = |one: &Declaration| {
            let message = format!("`{}` {}", one.path, wrong(one)?);
            Some(Problem { origin: one.origin.clone(), message })
        };
        let found: Vec<Problem> = account.declarations.iter().filter_map(problem).collect();
        account.problems.extend(found);
    }

    /// Ends the reading: all settings in the order of the file's template, or everything that is wrong in any layer.
    ///
    /// # Errors
    /// Unknown keys and variables, values of the wrong kind or out of bounds, and what the program itself refused.
    pub fn finish(self) -> Result<Vec<Declaration>, SettingsError> {
        let mut problems = self.unknown_variables();
        self.unknown_keys(&self.document.root, "", &mut problems);
        let account = self.account.into_inner();
        problems.extend(account.problems);
        if problems.is_empty() {
            return Ok(in_order_of_sections(account.declarations));
        }
        problems
            .sort_by(|one, other| (one.origin.is_none(), &one.origin).cmp(&(other.origin.is_none(), &other.origin)));
        problems.dedup();
        Err(SettingsError::Problems(problems))
    }

    pub(crate) fn record(&self, problem: Problem) {
        self.account.borrow_mut().problems.push(problem);
    }

    pub(crate) fn open(&self, path: &str) {
        self.account.borrow_mut().opened.insert(path.to_owned());
    }

    pub(crate) fn declare(&self, declaration: Declaration) {
        let mut account = self.account.borrow_mut();
        account.known_variables.extend(declaration.variable.clone());
        if !account.declarations.iter().any(|known| known.path == declaration.path) {
            account.declarations.push(declaration);
        }
    }

    /// The variable that overrides a key.
    pub(crate) fn variable(&self, path: &str) -> String {
        format!("{}{}", self.prefix, path.to_uppercase().replace('.', "_"))
    }

    /// The strongest layer's value for a key, as a node.
    pub(crate) fn find(&self, path: &[String]) -> Option<Node> {
        let joined = written(path);
        let of_layer = |layer: &Layer| {
            layer
                .values
                .get(&joined)
                .map(|(text, origin)| Node { origin: origin.clone(), value: Value::Text(text.clone()) })
        };
        of_layer(&self.flags)
            .or_else(|| {
                let name = self.variable(&joined);
                let text = self.variables.get(&name)?.clone();
                Some(Node { origin: Origin::Named(name), value: Value::Text(text) })
            })
            .or_else(|| of_layer(&self.context))
            .or_else(|| self.in_file(path).cloned())
    }

    /// What the file alone says at a path.
    pub(crate) fn in_file(&self, path: &[String]) -> Option<&Node> {
        path.iter().try_fold(&self.document.root, |node, key| match key.strip_prefix('[') {
            Some(index) => node.item(index.trim_end_matches(']')),
            None => node.get(key),
        })
    }

    fn unknown_variables(&self) -> Vec<Problem> {
        let known = &self.account.borrow().known_variables;
        let unknown = self.variables.keys().filter(|name| !known.contains(*name));
        unknown
            .map(|name| Problem {
                origin: Some(Origin::Named(name.clone())),
                message: match nearest(name, known.iter().map(String::as_str)) {
                    Some(near) => format!("there is no such setting; did you mean `{near}`?"),
                    None => "there is no such setting; unset the variable".to_owned(),
                },
            })
            .collect()
    }

    fn unknown_keys(&self, node: &Node, path: &str, problems: &mut Vec<Problem>) {
        let account = self.account.borrow();
        let children: Vec<(String, &Node)> = match &node.value {
            Value::Map(map) => map.iter().map(|(key, child)| (join(path, key), child)).collect(),
            Value::List(items) => {
                items.iter().enumerate().map(|(index, child)| (join(path, &format!("[{index}]")), child)).collect()
            }
            Value::Null | Value::Text(_) => return,
        };
        for (child_path, child) in children {
            let inside = format!("{child_path}.");
            if account.declarations.iter().any(|known| known.path == child_path && known.scope != Scope::Pattern) {
                continue;
            }
            let section = account.declarations.iter().any(|known| known.path.starts_with(&inside));
            match &child.value {
                _ if !section && !account.opened.contains(&child_path) => problems.push(Problem {
                    origin: Some(child.origin.clone()),
                    message: unknown_key(&child_path, path, &account.declarations),
                }),
                Value::Text(_) => problems.push(Problem {
                    origin: Some(child.origin.clone()),
                    message: format!("`{child_path}` must hold further keys, not a value"),
                }),
                Value::Null => {}
                Value::Map(_) | Value::List(_) => self.unknown_keys(child, &child_path, problems),
            }
        }
    }
}

/// A path as it is written.
pub(crate) fn written(path: &[String]) -> String {
    path.iter().fold(String::new(), |path, step| join(&path, step))
}

/// A path and one more step: a key, or `[index]` of a list.
fn join(path: &str, key: &str) -> String {
    if path.is_empty() || key.starts_with('[') { format!("{path}{key}") } else { format!("{path}.{key}") }
}

fn unknown_key(path: &str, parent: &str, declarations: &[Declaration]) -> String {
    let siblings: BTreeSet<&str> = declarations
        .iter()
        .filter_map(
            |known| if parent.is_empty() { Some(&*known.path) } else { known.path.strip_prefix(&format!("{parent}.")) },
        )
        .filter_map(|rest| rest.split('.').next())
        .collect();
    let key = path.rsplit('.').next().unwrap_or(path);
    match nearest(key, siblings.iter().copied()) {
        Some(near) => format!("`{path}` is not a key; did you mean `{}`?", join(parent, near)),
        None => {
            let known = siblings.into_iter().collect::<Vec<_>>().join("`, `");
            format!("`{path}` is not a key; known here: `{known}`")
        }
    }
}

/// The word that was probably meant.
fn nearest<'a>(word: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    known
        .map(|candidate| (strsim::damerau_levenshtein(word, candidate), candidate))
        .filter(|(distance, _)| *distance <= (word.len() / 4).max(2))
        .min()
        .map(|(_, candidate)| candidate)
}

/// Keys of one section together, sections and keys in the order in which they were first declared.
fn in_order_of_sections(declarations: Vec<Declaration>) -> Vec<Declaration> {
    let mut ranks = HashMap::new();
    let mut ranked: Vec<(Vec<usize>, Declaration)> = vec![];
    for declaration in declarations {
        let ends = declaration.path.match_indices('.').map(|(end, _)| end).chain([declaration.path.len()]);
        let rank = ends
            .map(|end| {
                let next = ranks.len();
                *ranks.entry(declaration.path[..end].to_owned()).or_insert(next)
            })
            .collect();
        ranked.push((rank, declaration));
    }
    ranked.sort_by(|(one, _), (other, _)| one.cmp(other));
    ranked.into_iter().map(|(_, declaration)| declaration).collect()
}
