//! The log's format for people.

use std::fmt;

use tracing::{Event, Level, Subscriber};
use tracing_subscriber::{
    fmt::{
        FmtContext, FormatEvent, FormatFields,
        format::Writer,
        time::{FormatTime as _, SystemTime},
    },
    registry::LookupSpan,
};

use super::ids::trace_id;

/// A line: time, level, the crate that logs (a service's crate has the name of the service), message, fields, and the
/// trace id, which a response has in `X-Trace-Id`.
pub(super) struct Line;

impl<S, N> FormatEvent<S, N> for Line
where
    S: Subscriber + for<'span> LookupSpan<'span>,
    N: for<'writer> FormatFields<'writer> + 'static,
{
    fn format_event(&self, context: &FmtContext<'_, S, N>, mut line: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        let metadata = event.metadata();
        let coloured = line.has_ansi_escapes();
        let paint = |text: &str, colour: u8| {
            if coloured { format!("\x1b[{colour}m{text}\x1b[0m") } else { text.to_owned() }
        };
        SystemTime.format_time(&mut line)?;
        let level = paint(&format!("{:>5}", metadata.level()), colour(*metadata.level()));
        let library = paint(&format!("{:<12}", library(metadata.target())), DIM);
        write!(line, " {level} {library} ")?;
        context.format_fields(line.by_ref(), event)?;
        if let Some(id) = context.parent_span().and_then(|span| trace_id(&span)) {
            write!(line, " {}{id}", paint("trace_id=", DIM))?;
        }
        writeln!(line)
    }
}

pub(super) fn library(target: &str) -> &str {
    target.split("::").next().unwrap_or_default()
}

/// The code of dim text for terminals.
const DIM: u8 = 2;

fn colour(level: Level) -> u8 {
    match level {
        Level::ERROR => 31,
        Level::WARN => 33,
        Level::INFO => 32,
        Level::DEBUG => 34,
        Level::TRACE => 35,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn logged(ansi: bool, log: impl FnOnce()) -> String {
        let text = crate::telemetry::MemoryLog::default();
        let written = text.clone();
        let lines = tracing_subscriber::fmt().with_ansi(ansi).event_format(Line).with_writer(move || written.clone());
        let _guard = crate::telemetry::subscribe(lines.finish());
        log();
        text.text()
    }

    #[test]
    fn a_line_names_what_logs_it() {
        let line = logged(false, || tracing::info!(target: "order::service", status = "PAID", "order paid"));

        let (_time, rest) = line.split_once(' ').unwrap();
        assert_eq!(rest, " INFO order        order paid status=\"PAID\"\n");
    }

    #[test]
    fn colours_are_for_terminals_alone() {
        let log = || tracing::warn!(target: "order", "late");

        assert!(logged(true, log).contains("\x1b[33m WARN\x1b[0m"));
        assert!(!logged(false, log).contains('\x1b'));
    }
}
