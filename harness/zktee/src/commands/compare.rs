//! `zktee compare`: two runs, or two revisions that take turns, held against chance.

use zktee_compare::{Comparison, Settings, Side, compare as compare_sides, markdown, text};

use crate::ab;
use crate::cli::{CompareArguments, Format};
use crate::exit::Code;

/// Compares, prints, and says by its code whether something regressed.
pub(crate) fn compare(arguments: &CompareArguments) -> anyhow::Result<Code> {
    let settings = Settings::new(arguments.level, arguments.min_effect, arguments.times.metrics())?;
    let comparison = match (&arguments.ab, &arguments.base, &arguments.new) {
        (Some(revisions), ..) => match take_turns(arguments, revisions, &settings)? {
            Some(comparison) => comparison,
            None => return Ok(Code::Interrupted),
        },
        (None, Some(base), Some(new)) => compare_sides(&Side::load(base)?, &Side::load(new)?, &settings)?,
        // The command line's own rules leave nothing else.
        (None, ..) => anyhow::bail!("name two folders of runs, or two revisions with --ab"),
    };
    match arguments.format {
        Format::Text => print!("{}", text(&comparison)),
        Format::Md => print!("{}", markdown(&comparison)),
        Format::Json => println!("{}", serde_json::to_string_pretty(&comparison)?),
    }
    Ok(code_of(&comparison))
}

fn code_of(comparison: &Comparison) -> Code {
    if comparison.has_regressed() {
        Code::Regressed
    } else if comparison.could_tell() {
        Code::Success
    } else {
        Code::NothingShown
    }
}

/// Builds both revisions, measures them in turns and compares; none where the user stopped it.
fn take_turns(
    arguments: &CompareArguments,
    revisions: &[String],
    settings: &Settings,
) -> anyhow::Result<Option<Comparison>> {
    let [a, b] = revisions else { anyhow::bail!("--ab takes two revisions") };
    let plan = ab::Plan::new(arguments, a, b)?;
    let Some(built) = plan.build()? else { return Ok(None) };
    let Some(first) = built.measure("", &arguments.run)? else { return Ok(None) };
    let mut comparison = compare_sides(&Side::load(&first.base)?, &Side::load(&first.new)?, settings)?;
    let regressed = comparison.regressed_cells();
    if arguments.confirm && !regressed.is_empty() {
        eprintln!("zktee: measuring {} cell(s) again, to see whether they are found slower twice", regressed.len());
        let again = ab::only(&arguments.run, &regressed);
        let Some(second) = built.measure("again", &again)? else { return Ok(None) };
        let second = compare_sides(&Side::load(&second.base)?, &Side::load(&second.new)?, settings)?;
        comparison.confirm_by(&second);
    }
    Ok(Some(comparison))
}
