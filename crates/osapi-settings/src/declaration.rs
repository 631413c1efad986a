//! What is known of each setting, and the pages made from it.

use std::fmt::Write as _;

use crate::document::Origin;

/// One setting: what the code says of it, and what it is at present.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Declaration {
    /// Its place in the file, such as `nats.server.port`; `<name>` stands for a free name, `[]` for each item of a list.
    pub path: String,
    /// The variable that overrides it; absent where a variable cannot (lists of sections and what is in them).
    pub variable: Option<String>,
    /// What values it takes, in words.
    pub kind: String,
    /// The value when nobody gives one; absent when there is none.
    pub default: Option<String>,
    /// One sentence about it.
    pub doc: &'static str,
    /// Whether its value must never be shown.
    pub secret: bool,
    /// The value given, as written, with secrets masked; absent when the default holds.
    pub value: Option<String>,
    /// Where the value was given.
    pub origin: Option<Origin>,
    /// Whether it is one key, or one of many of a form.
    pub scope: Scope,
}

/// How a setting is named.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// By one key.
    Key,
    /// By one key that is accepted and has no effect: `doc` says why. Whoever reads it in a file should be told.
    Retired,
    /// By a free name or a place in a list: this tells of all such.
    Pattern,
    /// One that is there, of a pattern.
    Instance,
}

/// What stands in place of a secret.
pub(crate) const MASK: &str = "********";

/// The table of all settings for the reference page, one per top-level section, in Markdown.
#[must_use]
pub fn reference_page(declarations: &[Declaration]) -> String {
    let mut page = String::new();
    let mut section = None;
    for declaration in declarations.iter().filter(|one| matches!(one.scope, Scope::Key | Scope::Pattern)) {
        let top = declaration.path.split_once('.').map(|(top, _)| top);
        if section != Some(top) {
            section = Some(top);
            let title = top.map_or_else(|| "General".to_owned(), |top| format!("`{top}`"));
            let _ = write!(page, "\n## {title}\n\n| key | value | default | what it is |\n| --- | --- | --- | --- |\n");
        }
        let default = match declaration.default.as_deref() {
            None => "–".to_owned(),
            Some("") => "empty".to_owned(),
            Some(default) => format!("`{default}`"),
        };
        let secret = if declaration.secret { " Secret: shown masked." } else { "" };
        let Declaration { path, kind, doc, .. } = declaration;
        let kind = kind.replace('|', "\\|");
        let _ = writeln!(page, "| `{path}` | {kind} | {default} | {doc}.{secret} |");
    }
    let retired: Vec<&Declaration> = declarations.iter().filter(|one| one.scope == Scope::Retired).collect();
    if !retired.is_empty() {
        page.push_str("\n## Accepted and without effect\n\n| key | why |\n| --- | --- |\n");
        for Declaration { path, doc, .. } in retired {
            let _ = writeln!(page, "| `{path}` | {doc}. |");
        }
    }
    page
}

/// A configuration file with every setting in it: those in `values` set, all others as comments with their default.
#[must_use]
pub fn template(declarations: &[Declaration], values: &[(&str, String)]) -> String {
    let mut text = String::new();
    let mut open: Vec<&str> = Vec::new();
    for declaration in declarations.iter().filter(|one| one.scope == Scope::Key) {
        let mut parents: Vec<&str> = declaration.path.split('.').collect();
        let key = parents.pop().unwrap_or_default();
        let common = open.iter().zip(&parents).take_while(|(one, other)| one == other).count();
        open.truncate(common);
        for parent in &parents[common..] {
            let _ = writeln!(text, "{}{parent}:", "  ".repeat(open.len()));
            open.push(parent);
        }
        let indent = "  ".repeat(open.len());
        let _ = writeln!(text, "{indent}# {} ({})", declaration.doc, declaration.kind);
        match values.iter().find(|(path, _)| *path == declaration.path) {
            Some((_, value)) => {
                let _ = writeln!(text, "{indent}{key}: {value}");
            }
            None => {
                let default = declaration.default.as_deref().unwrap_or_default();
                let _ = writeln!(text, "{}", format!("{indent}# {key}: {default}").trim_end());
            }
        }
    }
    text
}
