//! The consumers' lag by group and partition, now and over the last 15 minutes.

use std::collections::BTreeMap;

use askama::Template;
use chrono::{DateTime, Utc};

use crate::{
    model::PartitionLag,
    pages::{
        drawing::Spark,
        format::{Count, Moment},
        views::layout::{Layout, Problem},
    },
    service::{LAG_RETENTION, Lags},
};

pub struct GroupLag {
    pub group: &'static str,
    pub topic: String,
    pub lag: Count,
    /// The highest lag in the history.
    pub peak: Count,
    pub spark: Spark,
    pub partitions: Vec<PartitionLag>,
}

#[derive(Template)]
#[template(path = "operator-lag.html")]
pub struct Lag {
    pub layout: Layout,
    /// The largest lag first.
    pub groups: Vec<GroupLag>,
    /// When the lag was read, if the broker responded.
    pub at: Option<Moment>,
    pub problem: Option<Problem>,
}

impl Lag {
    /// The entry of the navigation for this page.
    const TAB: &'static str = "lag";

    fn verdict(&self) -> String {
        match self.groups.iter().map(|group| group.lag.0).sum::<i64>() {
            0 => "Every record is handled".to_owned(),
            1 => "1 record to handle".to_owned(),
            lag => format!("{} records to handle", Count(lag)),
        }
    }
}

impl GroupLag {
    pub fn all(lags: &Lags) -> Vec<Self> {
        let mut groups: BTreeMap<(&'static str, &str), Vec<&crate::service::Lag>> = BTreeMap::new();
        for lag in &lags.partitions {
            groups.entry((lag.now.group, &lag.now.topic)).or_default().push(lag);
        }
        let mut groups: Vec<Self> =
            groups.into_iter().map(|((group, topic), all)| Self::new(group, topic, &all, lags.at)).collect();
        // Sorting is stable: groups with the same lag remain sorted by name.
        groups.sort_by_key(|group| -group.lag.0);
        groups
    }

    fn new(group: &'static str, topic: &str, all: &[&crate::service::Lag], at: DateTime<Utc>) -> Self {
        let lag = all.iter().map(|lag| lag.now.lag).sum();
        // The points of all partitions have the same times.
        let mut sums: BTreeMap<DateTime<Utc>, i64> = BTreeMap::new();
        for point in all.iter().flat_map(|lag| &lag.history) {
            *sums.entry(point.at).or_default() += point.lag;
        }
        sums.insert(at, lag);
        let aged = sums.iter().map(|(seen, lag)| ((at - *seen).num_milliseconds(), *lag));
        Self {
            group,
            topic: topic.to_owned(),
            lag: Count(lag),
            peak: Count(sums.values().copied().max().unwrap_or(lag)),
            spark: Spark::new(aged, LAG_RETENTION.num_milliseconds()),
            partitions: all.iter().map(|lag| lag.now.clone()).collect(),
        }
    }
}
