//! What a model was fitted to, where this project knows it.

use zktee_models::integer::IntegerModel;
use zktee_models::workload;

/// Targets are whole numbers of this part of a unit: Iris is measured in tenths of a centimetre.
const PARTS: f64 = 10.0;

/// The targets of a built-in regression as the words of the guest `fit`: the exponent, then a target a row in tenths.
///
/// # Errors
/// Why there are none for this workload.
pub fn fit_targets(name: &str, model: &IntegerModel) -> Result<Vec<i32>, String> {
    let workload = workload::builtin(name).ok();
    let targets = workload
        .and_then(|it| it.targets)
        .ok_or("only a built-in regression has targets that a fit can be proven to")?;
    let tenth = model.parts().output_scale.value() / PARTS;
    let exponent = tenth.log2();
    if exponent.fract() != 0.0 || !(0.0..=16.0).contains(&exponent) {
        return Err(format!("the model's output scale is {tenth} units a tenth, no power of two"));
    }
    let whole = |&target: &f32| {
        let tenths = (f64::from(target) * PARTS).round();
        let is_whole = (f64::from(target) * PARTS - tenths).abs() < 1e-4 && tenths.abs() < 1e6;
        is_whole.then_some(tenths as i32)
    };
    let targets: Option<Vec<i32>> = targets.iter().map(whole).collect();
    let targets = targets.ok_or("the targets are no whole tenths")?;
    Ok(std::iter::once(exponent as i32).chain(targets).collect())
}
