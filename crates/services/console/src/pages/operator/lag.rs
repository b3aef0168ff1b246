//! `GET /console/operator/lag`: the consumers' lag by group and partition, now and over the last 15 minutes.

use std::collections::BTreeMap;

use askama::Template;
use axum::{extract::State, response::Response};
use chrono::{DateTime, TimeDelta, Utc};

use crate::{
    api::{Api, Visit, not_read},
    model::{Lags, PartitionLag},
    pages::{
        format::{Count, Moment},
        frame::{Layout, layout, page},
        refusal::{Refusal, or_missing},
    },
};

/// The line of a group's lag covers this time.
const HISTORY: TimeDelta = TimeDelta::minutes(15);
/// The size of the line.
const WIDTH: i64 = 160;
const HEIGHT: i64 = 28;

struct GroupLag {
    group: String,
    topic: String,
    lag: Count,
    /// The highest lag in the history.
    peak: Count,
    spark: Spark,
    partitions: Vec<PartitionLag>,
}

#[derive(Template)]
#[template(path = "operator-lag.html")]
struct Lag {
    layout: Layout,
    /// The largest lag first.
    groups: Vec<GroupLag>,
    /// When the lag was read, if the broker responded.
    at: Option<Moment>,
    problem: Option<Refusal>,
}

pub async fn show(State(api): State<Api>, visit: Visit) -> Response {
    let (layout, lags) = tokio::join!(layout(&api, &visit, "operator"), api.operations.lags());
    let (lags, status, problem) = or_missing(lags.map(Some).map_err(|status| not_read("the lag", &status)));
    let (at, groups) = lags.map(|lags| (Moment(lags.at), GroupLag::all(lags))).unzip();
    page(status, &Lag { layout, groups: groups.unwrap_or_default(), at, problem })
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
    fn all(lags: Lags) -> Vec<Self> {
        let mut groups: BTreeMap<(String, String), Vec<PartitionLag>> = BTreeMap::new();
        for lag in lags.partitions {
            groups.entry((lag.group.clone(), lag.topic.clone())).or_default().push(lag);
        }
        let mut groups: Vec<Self> =
            groups.into_iter().map(|((group, topic), all)| Self::new(group, topic, all, lags.at)).collect();
        // Sorting is stable: groups with the same lag remain sorted by name.
        groups.sort_by_key(|group| -group.lag.0);
        groups
    }

    fn new(group: String, topic: String, partitions: Vec<PartitionLag>, at: DateTime<Utc>) -> Self {
        let lag = partitions.iter().map(|one| one.lag).sum();
        // The points of all partitions have the same times.
        let mut sums: BTreeMap<DateTime<Utc>, i64> = BTreeMap::new();
        for point in partitions.iter().flat_map(|one| &one.history) {
            *sums.entry(point.at).or_default() += point.lag;
        }
        sums.insert(at, lag);
        let aged = sums.iter().map(|(seen, lag)| ((at - *seen).num_milliseconds(), *lag));
        Self {
            group,
            topic,
            lag: Count(lag),
            peak: Count(sums.values().copied().max().unwrap_or(lag)),
            spark: Spark::new(aged, HISTORY.num_milliseconds()),
            partitions,
        }
    }
}

/// The points of a line, the present at the right.
struct Spark {
    points: String,
    /// The point at which the line ends, if there is a line.
    end: Option<(i64, i64)>,
}

impl Spark {
    /// Draws values with their ages, the oldest first. `length` is the age at the left end of the line, in the unit of
    /// the ages.
    fn new(values: impl Iterator<Item = (i64, i64)> + Clone, length: i64) -> Self {
        let highest = values.clone().map(|(_, value)| value).max().unwrap_or_default().max(1);
        let scaled = |value: i64, to: i64, all: i64| {
            let scaled = i128::from(value.clamp(0, all)) * i128::from(to) / i128::from(all.max(1));
            i64::try_from(scaled).unwrap_or(to)
        };
        let place = |(age, value)| (WIDTH - scaled(age, WIDTH, length), HEIGHT - scaled(value, HEIGHT, highest));
        let points: Vec<(i64, i64)> = values.map(place).collect();
        Self {
            end: points.last().copied(),
            points: points.iter().map(|(x, y)| format!("{x},{y}")).collect::<Vec<_>>().join(" "),
        }
    }
}
