//! Rows that one statement writes, although PostgreSQL may refuse some of them.

/// The parts of rows that are still to be written: at first all rows as one part. A part that PostgreSQL refuses is
/// halved until each refused row is alone, so that the others are written in few statements.
pub struct Halves<'r, R>(Vec<&'r [R]>);

impl<'r, R> Halves<'r, R> {
    pub fn new(rows: &'r [R]) -> Self {
        Self(if rows.is_empty() { Vec::new() } else { vec![rows] })
    }

    /// Takes the next part, in the order of the rows.
    pub fn next_part(&mut self) -> Option<&'r [R]> {
        self.0.pop()
    }

    /// Returns the row of a refused part that has only this one. Otherwise its halves are the next parts.
    pub fn refused(&mut self, part: &'r [R]) -> Option<&'r R> {
        if let [row] = part {
            return Some(row);
        }
        let (first, second) = part.split_at(part.len() / 2);
        self.0.extend([second, first]);
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_rows_but_the_refused_ones_are_written_in_their_order() {
        let (mut written, mut refused, mut statements) = (Vec::<u32>::new(), Vec::new(), 0);

        let rows: Vec<u32> = (0..100).collect();
        let mut parts = Halves::new(&rows);
        while let Some(part) = parts.next_part() {
            statements += 1;
            if part.contains(&7) || part.contains(&70) {
                refused.extend(parts.refused(part));
            } else {
                written.extend(part);
            }
        }

        assert_eq!(refused, [&7, &70]);
        assert_eq!(written, rows.iter().filter(|row| !refused.contains(row)).copied().collect::<Vec<_>>());
        assert!(statements < 30, "{statements} statements");
        assert!(Halves::<u32>::new(&[]).next_part().is_none());
    }
}
