//! How fast this machine is.

/// How fast this machine is beside that of the estimates: what cells took, and what they were expected to take.
#[derive(Debug, Default)]
pub(crate) struct Pace {
    taken_s: f64,
    expected_s: f64,
}

impl Pace {
    /// Cells that take less say more about starting a process than about the machine.
    const TELLING_S: f64 = 1.0;

    pub(crate) fn count(&mut self, taken_s: f64, expected_s: f64) {
        if expected_s >= Self::TELLING_S {
            self.taken_s += taken_s;
            self.expected_s += expected_s;
        }
    }

    /// An estimate as it is to be expected here.
    pub(crate) fn here(&self, estimate_s: f64) -> f64 {
        if self.expected_s > 0.0 { estimate_s * self.taken_s / self.expected_s } else { estimate_s }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn estimates_are_taken_at_the_pace_of_what_was_done() {
        let mut pace = Pace::default();
        let here = |pace: &Pace| pace.here(30.0).round() as u32;
        assert_eq!(here(&pace), 30);
        // A cell of milliseconds takes a process's start, on any machine.
        pace.count(0.8, 0.01);
        assert_eq!(here(&pace), 30);
        pace.count(8.0, 4.0);
        pace.count(12.0, 6.0);
        assert_eq!(here(&pace), 60);
    }
}
