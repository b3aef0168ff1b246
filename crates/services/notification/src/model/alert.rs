//! An alert that Alertmanager reports, and its text in the operators' chat.

use chrono::{DateTime, Utc};

/// The maximum in UTF-16 code units. It leaves room for other alerts in the message.
const MAX_ALERT_LENGTH: usize = 1_000;
const SEPARATOR: &str = "\n\n";

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AlertStatus {
    Firing,
    Resolved,
}

impl AlertStatus {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Firing => "firing",
            Self::Resolved => "resolved",
        }
    }
}

/// Identifies one report: that the alert that began to fire at `starts_at` still fires, or that it has resolved.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AlertKey {
    /// Alertmanager's hash of the alert's labels.
    pub fingerprint: String,
    pub status: AlertStatus,
    /// When the alert began to fire, to the microsecond.
    pub starts_at: DateTime<Utc>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alert {
    pub key: AlertKey,
    pub name: String,
    /// The label `severity`, or an empty text.
    pub severity: String,
    /// The lines below the name: the alert's summary, description, runbook and dashboard, as far as present.
    pub lines: Vec<String>,
}

impl Alert {
    /// Returns the text, shortened to [`MAX_ALERT_LENGTH`].
    fn text(&self) -> String {
        let status = self.key.status.as_str().to_uppercase();
        let severity = if self.severity.is_empty() { String::new() } else { format!(" ({})", self.severity) };
        let head = format!("{status}: {}{severity}", self.name);
        let lines: Vec<&str> = [head.as_str()].into_iter().chain(self.lines.iter().map(String::as_str)).collect();
        shortened(&lines.join("\n"), MAX_ALERT_LENGTH)
    }
}

/// Returns one message with as many of the first alerts as fit into `max_length` UTF-16 code units, and their number.
/// The last line counts the other alerts, including `left_out` alerts that Alertmanager did not report.
pub fn message(alerts: &[Alert], left_out: usize, max_length: usize) -> (String, usize) {
    let rest = |count: usize| if count == 0 { String::new() } else { format!("{SEPARATOR}and {count} more alerts") };
    let mut message = String::new();
    for (index, alert) in alerts.iter().enumerate() {
        let gap = if index == 0 { "" } else { SEPARATOR };
        let text = alert.text();
        let others = left_out.saturating_add(alerts.len() - index);
        if length(&message) + length(gap) + length(&text) + length(&rest(others - 1)) > max_length {
            message.push_str(&rest(others));
            return (message, index);
        }
        message.push_str(gap);
        message.push_str(&text);
    }
    message.push_str(&rest(left_out));
    (message, alerts.len())
}

fn length(text: &str) -> usize {
    text.encode_utf16().count()
}

/// Shortens the text to at most `longest` UTF-16 code units, the last of which is an ellipsis.
fn shortened(text: &str, longest: usize) -> String {
    if length(text) <= longest {
        return text.to_owned();
    }
    let mut left = longest - 1;
    let fits = |letter: &char| {
        let has_room = letter.len_utf16() <= left;
        left = left.saturating_sub(letter.len_utf16());
        has_room
    };
    text.chars().take_while(fits).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn alert(name: &str, lines: &[&str]) -> Alert {
        Alert {
            key: AlertKey {
                fingerprint: "0123456789abcdef".to_owned(),
                status: AlertStatus::Firing,
                starts_at: DateTime::UNIX_EPOCH,
            },
            name: name.to_owned(),
            severity: "page".to_owned(),
            lines: lines.iter().map(|line| (*line).to_owned()).collect(),
        }
    }

    #[test]
    fn a_message_has_each_alert_with_its_lines() {
        let alerts = [alert("ServiceDown", &["order does not answer", "https://runbook"]), alert("Other", &[])];

        let expected = "FIRING: ServiceDown (page)\norder does not answer\nhttps://runbook\n\nFIRING: Other (page)";
        assert_eq!(message(&alerts, 0, 4_096), (expected.to_owned(), 2));
    }

    #[test]
    fn a_message_counts_the_alerts_that_do_not_fit() {
        let alerts = vec![alert("A", &["x"]); 100];

        let (text, number) = message(&alerts, 0, 100);

        assert!(text.starts_with("FIRING: A (page)\nx\n\nFIRING") && length(&text) <= 100, "{text}");
        let told = text.matches("FIRING").count();
        assert_eq!(number, told);
        assert!(text.ends_with(&format!("\n\nand {} more alerts", 100 - told)), "{text}");
        let (text, number) = message(&alerts, 7, 100);
        assert_eq!(number, told);
        assert!(text.ends_with(&format!("\n\nand {} more alerts", 107 - told)) && length(&text) <= 100, "{text}");
    }

    #[test]
    fn a_long_text_is_shortened_at_a_character() {
        let text = alert("A", &[&"🚀".repeat(2_000)]).text();

        assert!((MAX_ALERT_LENGTH - 1..=MAX_ALERT_LENGTH).contains(&length(&text)) && text.ends_with("🚀…"), "{text}");
        assert!(length(&message(&vec![alert("A", &[&"x".repeat(5_000)]); 100], 0, 4_096).0) <= 4_096);
    }
}
