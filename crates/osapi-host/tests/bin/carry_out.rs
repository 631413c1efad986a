//! Carries out the operation on standard input (`{"type": …, "data": …}`) on this machine and prints what came of it as
//! one line, `{"outcome": …}` or `{"failure": …}`: for the tests that need a host of their own to change.
//!

use std::io::{Read as _, Write as _};

use osapi_core::Operation;
use osapi_host::{Context, System, carry_out};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut input = String::new();
    std::io::stdin().read_to_string(&mut input)?;
    let operation: Operation = serde_json::from_str(&input)?;
    let told = |option: &str| std::env::args().any(|argument| argument == option);
    if told("--recover") {
        osapi_host::recover(&System::local()).await;
    }
    let mut context = Context::alone();
    context.through_worker = told("--through-worker");
    let result = match carry_out(&System::local(), &operation, &context).await {
        Ok(outcome) => serde_json::json!({ "outcome": outcome }),
        Err(failure) => serde_json::json!({ "failure": failure }),
    };
    writeln!(std::io::stdout(), "{result}")?;
    Ok(())
}
