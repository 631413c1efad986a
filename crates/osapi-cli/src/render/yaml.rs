//! JSON values as YAML: blocks, strings quoted as JSON quotes them where a bare word would be read as something else.

use std::fmt::Write as _;

use serde_json::Value;

/// The value as a YAML document.
pub(crate) fn of(value: &Value) -> String {
    let mut text = String::new();
    block(&mut text, value, 0);
    text
}

fn block(text: &mut String, value: &Value, depth: usize) {
    let indent = "  ".repeat(depth);
    match value {
        Value::Object(map) if !map.is_empty() => {
            for (key, child) in map {
                let _ = write!(text, "{indent}{}:", scalar(&Value::String(key.clone())));
                below(text, child, depth);
            }
        }
        Value::Array(items) if !items.is_empty() => {
            for item in items {
                let mut inner = String::new();
                block(&mut inner, item, depth + 1);
                // The first line of the item stands behind the dash.
                let _ = write!(text, "{indent}- {}", inner.trim_start());
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) | Value::Object(_) => {
            let _ = writeln!(text, "{indent}{}", scalar(value));
        }
    }
}

fn below(text: &mut String, child: &Value, depth: usize) {
    let nested =
        child.as_object().is_some_and(|map| !map.is_empty()) || child.as_array().is_some_and(|list| !list.is_empty());
    if nested {
        text.push('\n');
        block(text, child, depth + 1);
    } else {
        let _ = writeln!(text, " {}", scalar(child));
    }
}

fn scalar(value: &Value) -> String {
    match value {
        Value::String(word) if is_plain(word) => word.clone(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) | Value::Object(_) => {
            value.to_string()
        }
    }
}

/// Whether a bare word is read back as the same text by any YAML reader.
fn is_plain(word: &str) -> bool {
    let first = word.chars().next().is_some_and(|first| first.is_ascii_alphabetic() || first == '/' || first == '_');
    let fine = word.chars().all(|character| character.is_ascii_alphanumeric() || "-_./".contains(character));
    let reserved = ["null", "true", "false", "yes", "no", "on", "off", "y", "n"];
    first && fine && !reserved.contains(&word.to_ascii_lowercase().as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_yaml_that_says_the_same() {
        let value = serde_json::json!({"a": [1, {"b": "no", "c": []}, [2, 3]], "d": {}, "e": "2026-01-01", "f": "web-01", "g": null});
        assert_eq!(
            of(&value),
            "a:\n  - 1\n  - b: \"no\"\n    c: []\n  - - 2\n    - 3\nd: {}\ne: \"2026-01-01\"\nf: web-01\ng: null\n"
        );
    }
}
