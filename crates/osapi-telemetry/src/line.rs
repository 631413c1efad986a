//! The form of a log line: tracing-subscriber's, with the ids of the active span.

use std::fmt;

use opentelemetry::Context;
use opentelemetry::trace::{SpanContext, TraceContextExt};
use tracing::{Event, Subscriber};
use tracing_subscriber::fmt::format::{Format, Full, Json, Writer};
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

/// How an event becomes a line.
pub(crate) enum Line {
    /// For people; it ends in `trace_id=… span_id=…` while a span is active.
    Human(Format<Full>),
    /// An object with `span`, `trace_id` and `span_id` while a span is active; fields of the event stand at its top.
    Json(Format<Json>),
}

impl Line {
    pub(crate) fn human() -> Self {
        Self::Human(Format::default().with_target(false))
    }

    pub(crate) fn json() -> Self {
        Self::Json(Format::default().json().flatten_event(true).with_span_list(false))
    }
}

impl<S, N> FormatEvent<S, N> for Line
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(&self, context: &FmtContext<'_, S, N>, mut out: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        let mut line = String::new();
        let ids = ids();
        match self {
            Self::Human(format) => {
                // A writer to a string has no colours of its own.
                let format = format.clone().with_ansi(out.has_ansi_escapes());
                format.format_event(context, Writer::new(&mut line), event)?;
                let Some(ids) = ids else { return out.write_str(&line) };
                writeln!(out, "{} trace_id={} span_id={}", line.trim_end(), ids.trace_id(), ids.span_id())
            }
            Self::Json(format) => {
                format.format_event(context, Writer::new(&mut line), event)?;
                let Some(ids) = ids else { return out.write_str(&line) };
                let open = line.trim_end().strip_suffix('}').ok_or(fmt::Error)?;
                writeln!(out, r#"{open},"trace_id":"{}","span_id":"{}"}}"#, ids.trace_id(), ids.span_id())
            }
        }
    }
}

/// The ids of the span that is active on this thread. tracing's own dispatcher is closed while it writes a line, but the
/// OpenTelemetry layer makes each span it enters the current one.
fn ids() -> Option<SpanContext> {
    let ids = Context::map_current(|context| context.span().span_context().clone());
    ids.is_valid().then_some(ids)
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::{Arc, Mutex};

    use opentelemetry::trace::TracerProvider;
    use opentelemetry_sdk::trace::SdkTracerProvider;
    use tracing_subscriber::Layer;
    use tracing_subscriber::layer::SubscriberExt;

    use super::*;

    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// The lines of one event outside and one inside a span.
    fn lines(line: Line) -> Vec<String> {
        let written = Lines::default();
        let copy = written.clone();
        let layer = tracing_subscriber::fmt::layer().with_writer(move || copy.clone()).with_ansi(false);
        let layer = match line {
            Line::Human(_) => layer.event_format(line).boxed(),
            Line::Json(_) => layer.json().event_format(line).boxed(),
        };
        let traces = tracing_opentelemetry::layer().with_tracer(SdkTracerProvider::builder().build().tracer("test"));
        tracing::subscriber::with_default(tracing_subscriber::registry().with(traces).with(layer), || {
            tracing::info!(job_id = "a", "outside");
            tracing::info_span!("request", request_id = "r").in_scope(|| tracing::info!(job_id = "b", "inside"));
        });
        let bytes = written.0.lock().unwrap().clone();
        String::from_utf8(bytes).unwrap().lines().map(str::to_owned).collect()
    }

    #[test]
    fn a_human_line_ends_in_the_ids_of_its_span() {
        let lines = lines(Line::human());
        assert!(lines[0].ends_with(r#" INFO outside job_id="a""#), "{}", lines[0]);
        let (_, ids) = lines[1].split_once(r#"inside job_id="b" trace_id="#).unwrap();
        let (trace, span) = ids.split_once(" span_id=").unwrap();
        assert_eq!((trace.len(), span.len()), (32, 16), "{ids}");
    }

    #[test]
    fn a_json_line_is_one_object_with_the_ids_of_its_span() {
        let lines: Vec<serde_json::Value> =
            lines(Line::json()).iter().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert!(lines[0].get("trace_id").is_none(), "{}", lines[0]);
        assert_eq!((&lines[1]["message"], &lines[1]["job_id"]), (&"inside".into(), &"b".into()));
        assert_eq!(lines[1]["span"]["request_id"], "r");
        assert_eq!(lines[1]["trace_id"].as_str().unwrap().len(), 32);
        assert_eq!(lines[1]["span_id"].as_str().unwrap().len(), 16);
    }
}
