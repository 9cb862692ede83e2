//! A user's own models and inputs, sound and damaged, through the real binary.

mod support;

use ndarray::{Array1, Array2};
use support::House;
use zktee_models::graph::{Dense, Layer, Sequential};
use zktee_models::onnx::{Batch, write};

/// Two inputs, two outputs, as ONNX.
fn model(batch: &Batch) -> Vec<u8> {
    let dense =
        Dense { weights: Array2::from_shape_fn((2, 2), |(i, j)| (i + 2 * j) as f32 - 1.0), bias: Array1::zeros(2) };
    let layers = vec![Layer::Dense(dense), Layer::Relu];
    write(&Sequential { name: "own".to_owned(), input_shape: vec![2], layers }, batch).expect("a sound model")
}

const WORKLOAD: &str = "[[workload]]\nname = \"own\"\nmodel = \"own.onnx\"\ninputs = \"own.csv\"\n";

fn house(onnx: &[u8], csv: &str, more: &str) -> House {
    let house = House::new().config(&format!("{WORKLOAD}{more}\n"));
    std::fs::write(house.path("own.onnx"), onnx).expect("the model");
    std::fs::write(house.path("own.csv"), csv).expect("the inputs");
    house
}

const RUN: [&str; 9] = ["run", "--workload", "own", "--backend", "native", "--samples", "3", "--out", "run"];

#[test]
fn fixed_and_dynamic_batches_both_run() {
    for (batch, calls) in [(Batch::dynamic(), "1"), (Batch::Fixed(2), "2"), (Batch::Fixed(4), "1")] {
        let house = house(&model(&batch), "a,b\n1,2\n3,4\n-1,0.5\n0,0\n", "");
        house.zktee(&RUN).exits(0);
        let cell = &house.cells("run")["native"];
        assert_eq!((cell["calls"].as_str(), cell["max_abs_error"].as_str()), (calls, "0.0"), "{batch:?}");
    }
}

#[test]
fn what_does_not_fit_names_the_file_and_what_mends_it() {
    let sound = model(&Batch::dynamic());
    house(&sound[..sound.len() / 2], "1,2\n", "").zktee(&RUN).exits(3).says("own.onnx");
    house(b"not a model", "1,2\n", "").zktee(&RUN).exits(3).says("own.onnx");
    house(&sound, "1,2\n3,NaN\n", "").zktee(&RUN).exits(3).says("own.csv").says("2");
    house(&sound, "1,2\n3,inf\n", "").zktee(&RUN).exits(3).says("own.csv");
    house(&sound, "1,2,3\n", "").zktee(&RUN).exits(3).says("own.csv");
    house(&sound, "", "").zktee(&RUN).exits(3).says("own.csv");
    house(&sound, "1,2\n", "tolerence = 0.1").zktee(&RUN).exits(3).says("tolerence").says("zktee.toml");
    house(&model(&Batch::Fixed(2)), "1,2\n3,4\n", "batch = 1").zktee(&RUN).exits(3).says("batch");
    House::new().config(WORKLOAD).zktee(&RUN).exits(3).says("own.onnx");
}

#[test]
fn an_operator_that_no_reference_knows_is_refused_by_name_and_the_run_goes_on() {
    // The operator's name stands in the file as text of the same length.
    let mut onnx = model(&Batch::dynamic());
    let at = onnx.windows(4).position(|bytes| bytes == b"Relu").expect("the operator's name");
    onnx[at..at + 4].copy_from_slice(b"Rely");
    let house = house(&onnx, "1,2\n", "");
    house.zktee(&[
        "run",
        "--workload",
        "own",
        "--workload",
        "ols-iris",
        "--backend",
        "native",
        "--samples",
        "1",
        "--out",
        "run",
    ]);
    let rows = house.csv("run/cells.csv");
    let of = |name: &str| rows.iter().find(|row| row["workload"] == name).expect("the cell");
    assert_eq!(of("own")["outcome"], "refused");
    assert!(of("own")["reason"].contains("Rely"), "{}", of("own")["reason"]);
    assert_eq!(of("ols-iris")["outcome"], "measured");
}
