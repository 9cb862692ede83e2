//! What a person sees while a run goes on: a bar on a terminal, plain lines elsewhere.

use std::io::IsTerminal;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};
use zktee_core::record::Sample;
use zktee_core::vocabulary::Outcome;
use zktee_runner::{Event, Observer};

/// Shows events on standard error.
pub(crate) struct Progress {
    bar: ProgressBar,
    terminal: bool,
    planned: u64,
    done: u64,
    begun: Instant,
}

impl Progress {
    /// A bar when standard error is a terminal.
    pub(crate) fn new() -> Self {
        let terminal = std::io::stderr().is_terminal();
        let bar = if terminal { ProgressBar::new(0) } else { ProgressBar::hidden() };
        let style = ProgressStyle::with_template("{elapsed_precise} [{bar:30}] {pos}/{len} {wide_msg}");
        if let Ok(style) = style {
            bar.set_style(style.progress_chars("=> "));
        }
        // Rarely, so that drawing takes nothing from what is measured.
        bar.enable_steady_tick(Duration::from_secs(1));
        Self { bar, terminal, planned: 0, done: 0, begun: Instant::now() }
    }

    /// A line that stays, above the bar where there is one.
    pub(crate) fn line(&self, text: &str) {
        if self.terminal {
            self.bar.println(text);
        } else {
            eprintln!("{text}");
        }
    }

    /// Takes the bar away.
    pub(crate) fn finish(&self) {
        self.bar.finish_and_clear();
    }

    fn skip(&mut self, samples: u64) {
        self.planned = self.planned.saturating_sub(samples).max(self.done);
        self.bar.set_length(self.planned);
    }
}

impl Observer for Progress {
    fn event(&mut self, event: Event<'_>) {
        match event {
            Event::Planned { samples, done } => {
                (self.planned, self.done) = (samples, done);
                self.bar.set_length(samples);
                self.bar.set_position(done);
            }
            Event::Begin { cell, phase, index } => {
                self.bar.set_message(format!("{cell} {phase} #{}", index + 1));
            }
            Event::Recorded(sample) => {
                self.done += 1;
                self.bar.set_position(self.done);
                let at = self.begun.elapsed().as_secs();
                self.line(&format!("{:>3}:{:02} {}", at / 60, at % 60, sample_line(sample)));
            }
            Event::Skipped { samples } => self.skip(samples),
            Event::Note(text) => self.line(text),
        }
    }
}

/// One sample in a line.
fn sample_line(sample: &Sample) -> String {
    let name = format!("{}@{}", sample.workload, sample.backend);
    let head = format!("{name:<32} {:<6} #{:<2}", sample.phase, sample.sample + 1);
    if !sample.is_good() {
        let reason = sample.reason.as_deref().unwrap_or("no reason given");
        return format!("{head} {}: {reason}", sample.outcome);
    }
    let seconds = zktee_report::units::seconds;
    let wall = sample.wall_s.map_or_else(String::new, seconds);
    let cpu = sample.cpu_s().map_or_else(String::new, seconds);
    let memory = sample.peak_rss_bytes.map_or_else(String::new, zktee_report::units::bytes);
    let flags = sample.flags.as_deref().map_or_else(String::new, |flags| format!("  [{flags}]"));
    let estimated = if sample.outcome == Outcome::Estimated { "  estimated from a part" } else { "" };
    format!("{head} {wall:>10} wall {cpu:>10} CPU {memory:>10}{flags}{estimated}")
}
