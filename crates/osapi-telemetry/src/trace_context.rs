//! W3C trace context: carries a trace over any transport that has headers.

use std::collections::HashMap;

use opentelemetry::propagation::TextMapPropagator;
use opentelemetry::trace::TraceContextExt;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt;

/// The headers that carry it, in lower case.
pub const HEADERS: [&str; 2] = ["traceparent", "tracestate"];

/// The headers to send with a request so that the receiver goes on with the span's trace. Empty without tracing.
#[must_use]
pub fn inject(span: &Span) -> HashMap<String, String> {
    let mut headers = HashMap::new();
    TraceContextPropagator::new().inject_context(&span.context(), &mut headers);
    headers.retain(|_, value| !value.is_empty());
    headers
}

/// Lets a span that has just been made go on with the trace a request came with. Headers that are missing or not well
/// formed begin a new trace.
pub fn adopt<'a>(span: &Span, header: impl Fn(&str) -> Option<&'a str>) {
    let found = HEADERS.into_iter().filter_map(|name| Some((name.to_owned(), header(name)?.to_owned())));
    let context = TraceContextPropagator::new().extract(&found.collect::<HashMap<_, _>>());
    if context.span().span_context().is_valid() {
        // It fails where no tracing is set up, and then there is nothing to go on with.
        drop(span.set_parent(context));
    }
}

/// The trace a span belongs to, in hex. None without tracing.
#[must_use]
pub fn trace_id(span: &Span) -> Option<String> {
    let context = span.context();
    let ids = context.span().span_context().clone();
    ids.is_valid().then(|| ids.trace_id().to_string())
}

#[cfg(test)]
mod tests {
    use opentelemetry::trace::TracerProvider;
    use opentelemetry_sdk::trace::SdkTracerProvider;
    use tracing_subscriber::layer::SubscriberExt;

    use super::*;

    const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";

    fn traced(run: impl FnOnce()) {
        let layer = tracing_opentelemetry::layer().with_tracer(SdkTracerProvider::builder().build().tracer("test"));
        tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), run);
    }

    #[test]
    fn a_trace_goes_on_from_the_caller_to_the_next() {
        traced(|| {
            let span = tracing::info_span!("request");
            let parent = format!("00-{TRACE}-b7ad6b7169203331-01");
            adopt(&span, |name| (name == "traceparent").then_some(parent.as_str()));
            assert_eq!(trace_id(&span).as_deref(), Some(TRACE));
            let sent = inject(&span);
            assert!(sent["traceparent"].starts_with(&format!("00-{TRACE}-")), "{sent:?}");
            assert_ne!(sent["traceparent"], parent, "the parent of what follows is this span");
        });
    }

    #[test]
    fn a_header_that_is_not_well_formed_begins_a_new_trace() {
        for header in ["", "nonsense", "00-0-0-01", "00-00000000000000000000000000000000-b7ad6b7169203331-01"] {
            traced(|| {
                let span = tracing::info_span!("request");
                adopt(&span, |_| Some(header));
                assert_eq!(trace_id(&span).map(|id| id.len()), Some(32), "{header}");
            });
        }
    }

    #[test]
    fn without_tracing_there_is_nothing_to_send() {
        let span = tracing::info_span!("request");
        adopt(&span, |_| Some("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"));
        assert!(inject(&span).is_empty() && trace_id(&span).is_none());
    }
}
