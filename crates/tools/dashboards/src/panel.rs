//! A dashboard and its panels.

/// A dashboard. Its uid is its file's name.
pub struct Dashboard {
    pub uid: &'static str,
    pub title: &'static str,
    pub description: &'static str,
    pub panels: &'static [Panel],
}

/// A panel: a question or a quantity over time.
pub struct Panel {
    pub title: &'static str,
    pub description: &'static str,
    /// A unit of Grafana, such as `s` or `percentunit`.
    pub unit: &'static str,
    /// Where the panel turns red: the bound of its alert, if any.
    pub limit: Option<f64>,
    pub queries: &'static [Query],
    /// Where to look next.
    pub link: Link,
}

pub struct Query {
    pub expr: &'static str,
    /// Labels in braces, such as `{{service}}`.
    pub legend: &'static str,
}

pub enum Link {
    /// Another dashboard, by its uid.
    Dashboard(&'static str),
    /// Jaeger's traces of a service. Span metrics name the service in the label `service_name`. Exemplars lead to
    /// single traces.
    Traces,
    /// A heading of docs/operations.md.
    Runbook(&'static str),
}
