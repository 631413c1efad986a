//! What is known of a request beside its contents, for handlers and for the audit trail.

use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use axum::extract::{ConnectInfo, Extension, FromRequestParts, Request};
use http::HeaderMap;
use http::request::Parts;
use osapi_core::{ErrorCode, JobId, Permission, Target};
use osapi_telemetry::trace_context;
use uuid::Uuid;

use crate::access::Caller;
use crate::app::App;
use crate::fault::Fault;

/// The longest request identity taken over from the caller.
const MAX_ID: usize = 64;

/// What is known of a request beside its contents.
#[derive(Debug)]
pub(crate) struct RequestContext {
    /// Its identity, the caller's where that is fit to print.
    pub(crate) id: String,
    /// Where it came from.
    pub(crate) source: Option<IpAddr>,
    traceparent: Option<String>,
    caller: OnceLock<Caller>,
    notes: Mutex<Notes>,
}

/// What handlers tell the audit trail.
#[derive(Clone, Debug, Default)]
pub(crate) struct Notes {
    pub(crate) job: Option<JobId>,
    pub(crate) target: Option<Target>,
    pub(crate) summary: Option<String>,
}

/// A request's context, as handlers take it.
#[derive(Clone, Debug)]
pub(crate) struct Context(Arc<RequestContext>);

impl std::ops::Deref for Context {
    type Target = RequestContext;

    fn deref(&self) -> &RequestContext {
        &self.0
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Context {
    type Rejection = Fault;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Fault> {
        let context = Extension::<Arc<RequestContext>>::from_request_parts(parts, state).await;
        let Extension(context) = context.map_err(|error| Fault::internal(&error))?;
        Ok(Self(context))
    }
}

impl RequestContext {
    /// The context of a request; its span goes on with the caller's trace.
    pub(super) fn of(app: &App, request: &Request, span: &tracing::Span) -> Self {
        let headers = request.headers();
        trace_context::adopt(span, |name| headers.get(name).and_then(|value| value.to_str().ok()));
        // Without tracing of our own the caller's is handed on as it came.
        let ours = trace_context::inject(span).remove("traceparent");
        Self {
            id: id(headers),
            source: source(app, request),
            traceparent: ours.or_else(|| traceparent(headers)),
            caller: OnceLock::new(),
            notes: Mutex::default(),
        }
    }

    /// Who asks; `None` on public routes and before it is proved.
    pub(crate) fn caller(&self) -> Option<&Caller> {
        self.caller.get()
    }

    pub(super) fn proved(&self, caller: Caller) -> &Caller {
        self.caller.get_or_init(|| caller)
    }

    /// The subject of the token.
    pub(crate) fn subject(&self) -> Option<String> {
        self.caller().map(|caller| caller.subject.clone())
    }

    /// Refuses unless the caller may.
    pub(crate) fn require(&self, permission: Permission) -> Result<(), Fault> {
        self.caller().map_or_else(|| Err(missing(permission)), |caller| caller.require(permission))
    }

    /// The W3C trace context to hand on.
    pub(crate) fn traceparent(&self) -> Option<String> {
        self.traceparent.clone()
    }

    pub(crate) fn trace_id(&self) -> Option<&str> {
        self.traceparent.as_deref().and_then(|text| text.get(3..35))
    }

    /// Tells the audit trail which job the request made or was about.
    pub(crate) fn note_job(&self, job: JobId) {
        self.notes().job = Some(job);
    }

    /// Tells the audit trail what is asked, and for whom.
    pub(crate) fn note(&self, target: Option<&Target>, summary: Option<String>) {
        let mut notes = self.notes();
        notes.target = target.cloned();
        notes.summary = summary;
    }

    pub(super) fn notes(&self) -> MutexGuard<'_, Notes> {
        self.notes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Caller {
    /// Refuses unless the caller may.
    pub(crate) fn require(&self, permission: Permission) -> Result<(), Fault> {
        if self.may(permission) { Ok(()) } else { Err(missing(permission)) }
    }
}

fn missing(permission: Permission) -> Fault {
    Fault::new(ErrorCode::Forbidden, format!("the permission `{permission}` is missing"))
}

fn id(headers: &HeaderMap) -> String {
    let theirs = headers.get(super::REQUEST_ID).and_then(|value| value.to_str().ok());
    let fit = |text: &&str| {
        (1..=MAX_ID).contains(&text.len())
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.:".contains(&byte))
    };
    theirs.filter(fit).map_or_else(|| Uuid::now_v7().to_string(), str::to_owned)
}

/// The peer; where that is a proxy we trust, the last address before it that is not one.
fn source(app: &App, request: &Request) -> Option<IpAddr> {
    let peer = request.extensions().get::<ConnectInfo<SocketAddr>>()?.0.ip().to_canonical();
    let trusted = |address: &IpAddr| app.settings.trusted_proxies.iter().any(|net| net.contains(address));
    if !trusted(&peer) {
        return Some(peer);
    }
    let forwarded = request.headers().get_all("x-forwarded-for").iter().filter_map(|value| value.to_str().ok());
    let addresses: Vec<&str> = forwarded.flat_map(|text| text.split(',')).map(str::trim).collect();
    let mut source = peer;
    for text in addresses.into_iter().rev() {
        // What is no address was not written by a proxy of ours.
        let Ok(address) = text.parse::<IpAddr>() else { break };
        source = address.to_canonical();
        if !trusted(&source) {
            break;
        }
    }
    Some(source)
}

/// The caller's trace context, where it is well formed (W3C: version, trace, span, flags).
fn traceparent(headers: &HeaderMap) -> Option<String> {
    let text = headers.get("traceparent")?.to_str().ok()?;
    let parts: Vec<&str> = text.split('-').collect();
    let hex = |part: &str, length: usize| {
        part.len() == length && part.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
    };
    let zero = |part: &str| part.bytes().all(|byte| byte == b'0');
    match parts[..] {
        ["00", trace, span, flags]
            if hex(trace, 32) && hex(span, 16) && hex(flags, 2) && !zero(trace) && !zero(span) =>
        {
            Some(text.to_owned())
        }
        _ => None,
    }
}
