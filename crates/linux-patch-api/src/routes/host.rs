//! Operations whose path follows from their name: `network.dns.update` is `PUT /network/dns`.

use axum::extract::State;
use axum::extract::rejection::JsonRejection;
use axum::routing::{MethodFilter, MethodRouter, on};
use axum::{Json, Router};
use osapi_core::{Failure, Operation, OperationKind};
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::agent::Agent;
use crate::envelope::{Data, Problem};
use crate::query::Parameters;

pub(crate) fn routes() -> Router<Agent> {
    let route = |router: Router<Agent>, (path, handler): (String, MethodRouter<Agent>)| router.route(&path, handler);
    OperationKind::ALL.iter().filter_map(|kind| door(*kind)).fold(Router::new(), route)
}

/// The path and the method of an operation. The others have a route of their own that the seed prescribes, or come with
/// the jobs.
fn door(kind: OperationKind) -> Option<(String, MethodRouter<Agent>)> {
    let handler = match kind {
        OperationKind::SystemHostnameGet
        | OperationKind::SystemStatusGet
        | OperationKind::SystemUptimeGet
        | OperationKind::SystemOsGet
        | OperationKind::SystemDiskGet
        | OperationKind::SystemMemoryGet
        | OperationKind::SystemLoadGet
        | OperationKind::NetworkDnsGet => reading(kind),
        OperationKind::SystemHostnameUpdate | OperationKind::NetworkDnsUpdate => taking_body(kind, MethodFilter::PUT),
        OperationKind::NetworkPingDo => taking_body(kind, MethodFilter::POST),
        OperationKind::SystemServiceGet
        | OperationKind::PackageListGet
        | OperationKind::SystemRebootExecute
        | OperationKind::SystemShutdownExecute => return None,
    };
    let (noun, _verb) = kind.name().rsplit_once('.')?;
    Some((format!("/{}", noun.replace('.', "/")), handler))
}

/// The input is in the query.
fn reading(kind: OperationKind) -> MethodRouter<Agent> {
    on(MethodFilter::GET, async move |State(agent): State<Agent>, Parameters(input): Parameters| {
        agent.answer(kind, Value::Object(input)).await.map(Data)
    })
}

/// The input is the body.
fn taking_body(kind: OperationKind, method: MethodFilter) -> MethodRouter<Agent> {
    on(method, async move |State(agent): State<Agent>, Parameters(query): Parameters, body: Body| {
        if let Some(name) = query.keys().next() {
            return Err(Problem::invalid(format!("unknown parameter `{name}`: the input goes into the body")));
        }
        let Json(input) = body.map_err(|rejection| Problem::unread(&rejection))?;
        agent.answer(kind, input).await.map(Data)
    })
}

type Body = Result<Json<Value>, JsonRejection>;

impl Agent {
    /// Carries out an operation of that kind with that input.
    pub(crate) async fn answer(&self, kind: OperationKind, input: Value) -> Result<Value, Problem> {
        let operation = Operation::read(kind.name(), input)
            .map_err(|error| Problem::of(kind, Failure::invalid(error.to_string())))?;
        self.ask(operation).await
    }

    /// Carries out an operation and reads what it gave.
    pub(crate) async fn ask<T: DeserializeOwned>(&self, operation: Operation) -> Result<T, Problem> {
        let (kind, bound) = (operation.kind(), self.live.settings.borrow().timeout);
        let given = self.operations.carry_out(operation, bound).await.map_err(|failure| Problem::of(kind, failure))?;
        serde_json::from_value(given).map_err(|error| {
            tracing::error!(operation = %kind, %error, "the outcome is of another form");
            Problem::internal()
        })
    }
}
