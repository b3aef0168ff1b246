//! Rounds: compared operations take turns, A-B-A-B, so that a change of the machine's speed affects all.

use std::time::Duration;

use futures::future::LocalBoxFuture;

use crate::{
    report::{Aim, Figure, Role, Row, Unit},
    sample::Sample,
    statistics::{additive_limit, is_unsteady, median, spread},
};

/// The maximum number of rounds. A denominator that still varies after them is reported as unsteady.
const MAX_ROUNDS: usize = 6;

/// The extent of the measurements.
#[derive(Clone, Copy, Debug)]
pub struct Effort {
    /// The minimum number of rounds. More follow while a denominator varies, up to six in total.
    pub rounds: usize,
    /// The duration of one measurement of a rate.
    pub time: Duration,
    pub customers: usize,
}

/// An operation that each round measures.
pub struct Probe<'a> {
    name: String,
    role: Role,
    unit: Unit,
    take: Box<dyn FnMut() -> LocalBoxFuture<'a, anyhow::Result<Sample>> + 'a>,
}

impl<'a> Probe<'a> {
    pub fn new<F>(role: Role, unit: Unit, name: impl Into<String>, mut take: impl FnMut() -> F + 'a) -> Self
    where
        F: Future<Output = anyhow::Result<Sample>> + 'a,
    {
        Self { name: name.into(), role, unit, take: Box::new(move || Box::pin(take())) }
    }

    /// Creates a probe of the numerator, in operations per second.
    pub fn numerator<F>(name: impl Into<String>, take: impl FnMut() -> F + 'a) -> Self
    where
        F: Future<Output = anyhow::Result<Sample>> + 'a,
    {
        Self::new(Role::Numerator, Unit::PerSecond, name, take)
    }

    /// Creates a probe of the denominator, in operations per second.
    pub fn denominator<F>(name: impl Into<String>, take: impl FnMut() -> F + 'a) -> Self
    where
        F: Future<Output = anyhow::Result<Sample>> + 'a,
    {
        Self::new(Role::Denominator, Unit::PerSecond, name, take)
    }
}

/// The samples: one per round and probe.
pub struct Taken {
    figures: Vec<(String, Role, Unit)>,
    rounds: Vec<Vec<Sample>>,
}

/// Measures all probes in turns.
///
/// After the requested rounds, more follow while a denominator varies, unless fewer than three were requested: a single
/// round is a quick check.
pub async fn interleave(
    mut probes: Vec<Probe<'_>>,
    effort: Effort,
    settle: impl AsyncFn() -> anyhow::Result<()>,
) -> anyhow::Result<Taken> {
    let figures: Vec<_> = probes.iter().map(|probe| (probe.name.clone(), probe.role, probe.unit)).collect();
    let mut taken = Taken { figures, rounds: Vec::new() };
    loop {
        let mut samples = Vec::with_capacity(probes.len());
        for probe in &mut probes {
            settle().await?;
            let sample = (probe.take)().await.map_err(|error| error.context(probe.name.clone()))?;
            took(&probe.name, probe.unit, &sample);
            samples.push(sample);
        }
        taken.rounds.push(samples);
        let wanted =
            if effort.rounds < 3 || !taken.is_unsteady() { effort.rounds } else { MAX_ROUNDS.max(effort.rounds) };
        if taken.rounds.len() >= wanted {
            return Ok(taken);
        }
    }
}

/// Prints a measured value.
pub fn took(name: &str, unit: Unit, sample: &Sample) {
    eprintln!("{:>12.1} {unit:<4} {name}", sample.value);
}

impl Taken {
    /// Returns the additive limit of these probes' medians.
    pub fn limit(&self, probes: &[usize]) -> f64 {
        let medians: Vec<f64> = probes.iter().filter_map(|probe| median(&self.values(*probe))).collect();
        additive_limit(&medians)
    }

    fn values(&self, probe: usize) -> Vec<f64> {
        self.rounds.iter().map(|round| round[probe].value).collect()
    }

    /// Returns true if a denominator varies by more than the limit.
    fn is_unsteady(&self) -> bool {
        let denominators = self.figures.iter().enumerate().filter(|(_, (_, role, _))| *role == Role::Denominator);
        denominators.into_iter().any(|(probe, _)| is_unsteady(&self.values(probe)))
    }

    fn figure(&self, probe: usize) -> Figure {
        let (name, role, unit) = self.figures[probe].clone();
        let values = self.values(probe);
        let of = |get: fn(&Sample) -> Option<f64>| {
            let all: Option<Vec<f64>> = self.rounds.iter().map(|round| get(&round[probe])).collect();
            all.and_then(|all| median(&all))
        };
        Figure {
            name,
            role,
            unit,
            median: median(&values).unwrap_or_default(),
            spread: spread(&values),
            p50: of(|sample| sample.p50),
            p99: of(|sample| sample.p99),
            values,
        }
    }

    /// Returns the row of a ratio. `formula` computes the ratio from the samples of one round, in the order of the
    /// probes. `shown` are the probes behind the ratio. Fails if the result is not a number.
    pub fn row(
        &self,
        id: &'static str,
        name: impl Into<String>,
        aim: Aim,
        shown: &[usize],
        formula: impl Fn(&[Sample]) -> f64,
    ) -> anyhow::Result<Row> {
        let name = name.into();
        let ratios: Vec<f64> = self.rounds.iter().map(|round| formula(round)).collect();
        let ratio = median(&ratios).filter(|ratio| ratio.is_finite());
        let Some(ratio) = ratio else { anyhow::bail!("{name} comes to no number: {ratios:?}") };
        let moves = |probe: &usize| self.figures[*probe].1 == Role::Denominator && is_unsteady(&self.values(*probe));
        Ok(Row {
            id,
            name,
            ratio,
            spread: spread(&ratios),
            aim,
            is_met: aim.is_met(ratio),
            // Fewer rounds do not show whether a figure varies.
            is_unsteady: ratios.len() >= MAX_ROUNDS && shown.iter().any(moves),
            figures: shown.iter().map(|probe| self.figure(*probe)).collect(),
            notes: Vec::new(),
            values: ratios,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    const AIM: Aim = Aim::AtLeast(0.9);

    /// Creates a probe that yields these values in turn, and logs its calls.
    fn probe<'a>(role: Role, name: &'static str, values: &[f64], log: &Arc<Mutex<Vec<&'static str>>>) -> Probe<'a> {
        let (mut values, log) = (Vec::from(values).into_iter().cycle(), log.clone());
        Probe::new(role, Unit::PerSecond, name, move || {
            log.lock().unwrap().push(name);
            let value = values.next().unwrap();
            async move { Ok(Sample::new(value)) }
        })
    }

    async fn taken(rounds: usize, denominators: &[f64]) -> (Taken, Vec<&'static str>) {
        let log = Arc::default();
        let probes = vec![
            probe(Role::Numerator, "A", &[50.0, 60.0, 55.0], &log),
            probe(Role::Denominator, "B", denominators, &log),
        ];
        let effort = Effort { rounds, time: Duration::ZERO, customers: 0 };
        let taken = interleave(probes, effort, async || Ok(())).await.unwrap();
        let log = log.lock().unwrap().clone();
        (taken, log)
    }

    fn row(taken: &Taken) -> Row {
        taken.row("P0", "A ÷ B", AIM, &[0, 1], |round| round[0].value / round[1].value).unwrap()
    }

    #[tokio::test]
    async fn numerator_and_denominator_take_turns() {
        let (taken, log) = taken(3, &[100.0]).await;

        assert_eq!(log, ["A", "B", "A", "B", "A", "B"]);
        let row = row(&taken);
        assert!((row.ratio - 0.55).abs() < 1e-9 && row.values.len() == 3 && !row.is_unsteady && !row.is_met, "{row:?}");
    }

    #[tokio::test]
    async fn a_denominator_that_moves_gets_more_rounds_and_is_called_unsteady_after_six() {
        let (taken, log) = taken(3, &[100.0, 50.0]).await;

        assert_eq!(log.len(), 12);
        assert!(row(&taken).is_unsteady);
    }

    #[tokio::test]
    async fn a_ratio_that_is_no_number_is_an_error() {
        let (taken, _) = taken(1, &[0.0]).await;

        let error = taken.row("P0", "A ÷ B", AIM, &[0, 1], |round| round[0].value / round[1].value).unwrap_err();

        assert!(error.to_string().starts_with("A ÷ B comes to no number"), "{error}");
    }
}
