//! A lab machine with this crate's `carry-out` in it.

use anyhow::Context as _;
use osapi_testkit::lab::{Lab, Preparation};
use serde_json::Value;

/// A lab machine to be, with `carry-out` on its path; `None`, said aloud, where there is no lab.
pub(crate) fn prepare() -> Option<Preparation> {
    Some(Lab::prepare()?.bind(env!("CARGO_BIN_EXE_carry-out"), "/usr/bin/carry-out"))
}

/// Carries out an operation in the machine: what it gave, or its failure.
pub(crate) async fn carry_out(lab: &Lab, options: &[&str], kind: &str, data: Value) -> anyhow::Result<Answer> {
    let input = serde_json::json!({ "type": kind, "data": data }).to_string();
    let words = [&["carry-out"], options].concat();
    let said = lab.feed(&words, &input).await?.success(kind)?;
    let mut answer: Value = serde_json::from_str(&said).with_context(|| format!("reading `{said}`"))?;
    Ok(match answer.get_mut("outcome") {
        Some(outcome) => Answer::Outcome(outcome.take()),
        None => Answer::Failure(answer["failure"].take()),
    })
}

/// What an operation came to.
#[derive(Debug)]
pub(crate) enum Answer {
    Outcome(Value),
    Failure(Value),
}

impl Answer {
    /// What it gave.
    pub(crate) fn outcome(self) -> anyhow::Result<Value> {
        match self {
            Self::Outcome(outcome) => Ok(outcome),
            Self::Failure(failure) => anyhow::bail!("it failed: {failure}"),
        }
    }

    /// The failure's code and message.
    pub(crate) fn failure(self) -> anyhow::Result<(String, String)> {
        match self {
            Self::Outcome(outcome) => anyhow::bail!("it did not fail: {outcome}"),
            Self::Failure(failure) => {
                let text = |field: &str| failure[field].as_str().unwrap_or_default().to_owned();
                Ok((text("code"), text("message")))
            }
        }
    }
}
