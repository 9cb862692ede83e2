//! The scaling study: sizes as named, the same bytes everywhere, a twin for every member.

use zktee_models::graph::{Layer, Sequential};
use zktee_models::integer::ACCUMULATOR_BOUND;
use zktee_models::onnx::{Batch, inspect, read};
use zktee_models::reference::FloatModel;
use zktee_models::workload::{
    BUILTIN_NAMES, SCALE_FAMILIES, SCALE_INPUTS, SCALE_TOLERANCE, ScaleMember, Task, builtin, data_set, scale_member,
};

fn members() -> impl Iterator<Item = &'static ScaleMember> {
    SCALE_FAMILIES.into_iter().flat_map(|family| family.members)
}

fn kinds(model: &Sequential) -> String {
    model.layers.iter().map(Layer::kind).collect::<Vec<_>>().join(" ")
}

#[test]
fn the_families_double_from_member_to_member() {
    let [mlp, cnn] = SCALE_FAMILIES;
    assert_eq!((mlp.name, mlp.members.len(), mlp.members[0].exponent), ("mlp-scale", 14, 10));
    assert_eq!((cnn.name, cnn.members.len(), cnn.members[0].exponent), ("cnn-scale", 10, 14));
    for family in SCALE_FAMILIES {
        for (member, exponent) in family.members.iter().zip(family.members[0].exponent..=23) {
            let size =
                if exponent < 20 { format!("{}k", 1 << (exponent - 10)) } else { format!("{}m", 1 << (exponent - 20)) };
            assert_eq!((member.exponent, member.name), (exponent, &*format!("{}-{size}", family.name)));
            let share = member.multiplications() as f64 / f64::from(1 << exponent);
            println!("{}: {} ({share:.3})", member.name, member.summary());
            assert!((0.9..=1.1).contains(&share), "{}: {share}", member.name);
        }
        assert_eq!(family.members.last().map(|member| member.exponent), Some(23));
    }
    assert!(BUILTIN_NAMES.iter().all(|name| scale_member(name).is_none()));
}

/// One pass over all members: the largest take a second each to make.
#[test]
fn every_member_is_what_it_says_and_has_a_twin_within_tolerance() {
    for member in members() {
        let name = member.name;
        let workload = builtin(name).unwrap();
        let model = read(&workload.onnx).unwrap();
        assert_eq!(model.multiplications(), Ok(member.multiplications()), "{name}");
        assert_eq!(model.parameters() as u64, member.parameters(), "{name}");
        assert_eq!((&model.input_shape, model.output_shape()), (&member.input_shape(), Ok(vec![10])), "{name}");
        assert_eq!(inspect(&workload.onnx).unwrap().batch(), Ok(Batch::dynamic()), "{name}");
        assert_eq!((workload.batch, workload.repeat, workload.task), (1, 1, Task::Regression), "{name}");
        assert_eq!(workload.inputs.shape()[0], 1, "{name}");

        let inputs = data_set(name).unwrap();
        assert_eq!(inputs.shape()[0], SCALE_INPUTS, "{name}");
        assert!(inputs.iter().zip(&workload.inputs).all(|(a, b)| a.to_bits() == b.to_bits()), "{name}");

        // Activations keep their range, whatever the size.
        for largest in &workload.ranges.linear_outputs {
            assert!((0.8..12.0).contains(largest), "{name}: {:?}", workload.ranges.linear_outputs);
        }

        let twin = workload.integer_model().unwrap();
        assert!(twin.bounds().iter().all(|bounds| bounds.output < ACCUMULATOR_BOUND), "{name}");
        let values = inputs.as_slice().unwrap();
        let float = FloatModel::load(&workload.onnx, SCALE_INPUTS).unwrap().infer(values).unwrap();
        let integer = twin.dequantise_outputs(&twin.infer_all(&twin.quantise_inputs(values).unwrap()).unwrap());
        let error = float.iter().zip(&integer).map(|(a, b)| f64::from((a - b).abs())).fold(0.0, f64::max);
        // An answer to another input is not taken for one to this.
        let (this, other) = (&float[..10], &float[10..20]);
        let apart = this.iter().zip(other).map(|(a, b)| f64::from((a - b).abs())).fold(0.0, f64::max);
        let tolerance = workload.tolerance;
        println!("{name}: tolerance {tolerance:.4}, error {error:.4}, two answers {apart:.4} apart");
        let column = |j: usize| float.iter().skip(j).step_by(10).copied();
        let range = |j| column(j).fold(f32::MIN, f32::max) - column(j).fold(f32::MAX, f32::min);
        let range = f64::from((0..10).map(range).fold(0.0, f32::max));
        assert!((tolerance / range / SCALE_TOLERANCE - 1.0).abs() < 1e-3, "{name}: {tolerance} of {range}");
        assert!(error < tolerance * 0.6 && apart > tolerance * 5.0, "{name}");
    }
}

#[test]
fn the_architectures_are_the_stated_ones() {
    let model = |name| read(&builtin(name).unwrap().onnx).unwrap();
    assert_eq!(kinds(&model("mlp-scale-1k")), "Dense Relu Dense Relu Dense");
    assert_eq!(kinds(&model("cnn-scale-16k")), "Conv2d Relu AveragePool Conv2d Relu AveragePool Flatten Dense");
}

/// The bytes of two small members as they were first made: whoever changes a draw, an order or the writer changes every number
/// that was ever measured with it.
#[test]
fn the_same_bytes_on_every_machine() {
    for (name, model, inputs) in [
        (
            "mlp-scale-1k",
            "6e930f9429e76f745a596e3a8c4366bbd8a4a761e846bd15d0602e82b9051933",
            "94f13ba619646b8db7c5543194ee3f240493130b654eeaceec67ed216fdde9ea",
        ),
        (
            "cnn-scale-16k",
            "240828ca17311eae46d65668bcea47cde516cca4ae16db940c2f6d2db9dc2cc3",
            "723f54e2a9888387c4be243d138b29a9b01d746e01efbee2c3b3e2b6346b8864",
        ),
    ] {
        let workload = builtin(name).unwrap();
        let bytes: Vec<u8> = workload.inputs.iter().flat_map(|x| x.to_le_bytes()).collect();
        let digests = (zktee_datasets::sha256_hex(&workload.onnx), zktee_datasets::sha256_hex(&bytes));
        assert_eq!(digests, (model.to_owned(), inputs.to_owned()), "{name}");
    }
}

#[test]
fn an_unknown_member_names_the_families() {
    let said = builtin("mlp-scale-3k").unwrap_err().to_string();
    assert!(said.contains("mlp-scale-1k to mlp-scale-8m") && said.contains("cnn-scale-16k"), "{said}");
    assert!(data_set("cnn-scale-8k").is_err());
}
