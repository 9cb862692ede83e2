//! Workers that do one thing and say another: the runner must flag them.

use std::io::{self, Write};

use serde_json::Value;
use zktee_core::record::SampleFlag;

/// What is said wrongly. The work is one busy thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lie {
    /// A tenth of the wall time.
    Wall,
    /// A thousand times the CPU time: more than any machine has.
    Cpu,
    /// Stages of twice their length.
    Stages,
}

impl Lie {
    /// The profile's name.
    pub(crate) const fn profile(self) -> &'static str {
        match self {
            Self::Wall => "lies-wall",
            Self::Cpu => "lies-cpu",
            Self::Stages => "lies-stages",
        }
    }

    pub(super) const fn summary(self) -> &'static str {
        match self {
            Self::Wall => "claims a tenth of its wall time",
            Self::Cpu => "claims a thousand times its CPU time",
            Self::Stages => "claims stages of twice their length",
        }
    }

    /// The flag that the runner must give for it.
    pub(crate) const fn flag(self) -> SampleFlag {
        match self {
            Self::Wall => SampleFlag::ClockMismatch,
            Self::Cpu => SampleFlag::CpuMismatch,
            Self::Stages => SampleFlag::StageMismatch,
        }
    }

    fn tell(self, report: &mut Value) {
        let change = |field: Option<&mut Value>, change: &dyn Fn(f64) -> f64| {
            if let Some((field, seconds)) = field.and_then(|field| field.as_f64().map(|seconds| (field, seconds))) {
                *field = change(seconds).into();
            }
        };
        match self {
            Self::Wall => change(report.get_mut("wall_s"), &|s| s / 10.0),
            Self::Cpu => change(report.get_mut("user_s"), &|s| s * 1000.0),
            Self::Stages => {
                let stages = report.get_mut("stages").and_then(Value::as_array_mut);
                for stage in stages.into_iter().flatten() {
                    change(stage.get_mut("wall_s"), &|s| s * 2.0);
                }
            }
        }
    }
}

/// Lets answers through, changed.
pub(super) struct Liar<W> {
    lie: Lie,
    line: Vec<u8>,
    to: W,
}

impl<W: Write> Liar<W> {
    pub(super) const fn new(lie: Lie, to: W) -> Self {
        Self { lie, line: Vec::new(), to }
    }
}

impl<W: Write> Write for Liar<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.line.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    /// Whole lines alone are flushed by who serves.
    fn flush(&mut self) -> io::Result<()> {
        let mut answer: Value = serde_json::from_slice(&std::mem::take(&mut self.line))?;
        if let Some(report) = answer.get_mut("ok") {
            self.lie.tell(report);
        }
        serde_json::to_writer(&mut self.to, &answer)?;
        self.to.write_all(b"\n")?;
        self.to.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_thing_alone_is_said_wrongly() {
        let told = |lie| {
            let mut out = Vec::new();
            let mut liar = Liar::new(lie, &mut out);
            let truth = br#"{"id":1,"ok":{"stages":[{"name":"a","wall_s":0.5}],"user_s":0.5,"wall_s":0.5}}"#;
            liar.write_all(truth).unwrap();
            liar.write_all(b"\n").unwrap();
            liar.flush().unwrap();
            String::from_utf8(out).unwrap()
        };
        let changed = |stage, user, wall| {
            format!(
                "{{\"id\":1,\"ok\":{{\"stages\":[{{\"name\":\"a\",\"wall_s\":{stage}}}],\"user_s\":{user},\"wall_s\":{wall}}}}}\n"
            )
        };
        assert_eq!(told(Lie::Wall), changed("0.5", "0.5", "0.05"));
        assert_eq!(told(Lie::Cpu), changed("0.5", "500.0", "0.5"));
        assert_eq!(told(Lie::Stages), changed("1.0", "0.5", "0.5"));
    }
}
