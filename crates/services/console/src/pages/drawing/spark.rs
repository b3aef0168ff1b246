//! A small line of values over time.

const WIDTH: i64 = 160;
const HEIGHT: i64 = 28;

/// The points of a line, the present at the right.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Spark {
    pub points: String,
    /// The point at which the line ends, if there is a line.
    pub end: Option<(i64, i64)>,
}

impl Spark {
    /// Draws values with their ages, the oldest first. `length` is the age at the left, in the unit of the ages.
    pub fn new(values: impl Iterator<Item = (i64, i64)> + Clone, length: i64) -> Self {
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
