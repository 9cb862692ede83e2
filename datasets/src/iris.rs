//! Fisher's irises.

use std::path::Path;

use ndarray::Array2;

use crate::{DataError, digest};

/// The species in the order of their numbers in [`Iris::species`].
pub const IRIS_SPECIES: [&str; 3] = ["setosa", "versicolor", "virginica"];

const FILE: &str = "datasets/iris/iris.csv";
const CSV: &str = include_str!("../iris/iris.csv");
const SHA256: &str = "b6b8efc86732bc48c9fbddba53e2c191fd4f263c0ee98e2b1b7d3543e8d2121d";
const HEADER: &str = "sepal_length_cm,sepal_width_cm,petal_length_cm,petal_width_cm,species";
const FEATURES: usize = 4;

/// The 150 irises.
#[derive(Debug, Clone, PartialEq)]
pub struct Iris {
    /// (150, 4): sepal length, sepal width, petal length, petal width, in centimetres.
    pub features: Array2<f32>,
    /// 150 numbers into [`IRIS_SPECIES`].
    pub species: Vec<usize>,
}

/// The embedded data set of 150 irises, fifty of each species, rows 35 and 38 as Fisher printed them.
///
/// # Errors
/// None unless the crate was built from a damaged file: it is parsed and its SHA-256 checked all the same.
pub fn iris() -> Result<Iris, DataError> {
    let file = Path::new(FILE);
    let iris = parse(file, CSV)?;
    digest::check(file, CSV.as_bytes(), SHA256)?;
    Ok(iris)
}

fn parse(file: &Path, csv: &str) -> Result<Iris, DataError> {
    let problem = |line: usize, problem: String| DataError::Line { file: file.into(), line, problem };
    let mut lines = csv.lines();
    let header = lines.next().unwrap_or_default();
    if header != HEADER {
        return Err(problem(1, format!("expected the header `{HEADER}`, got `{header}`")));
    }

    let mut features = Vec::new();
    let mut species = Vec::new();
    for (line, text) in (2..).zip(lines) {
        let fields: Vec<&str> = text.split(',').collect();
        let [measures @ .., name] = fields.as_slice() else {
            unreachable!("split gives at least one field");
        };
        if measures.len() != FEATURES {
            return Err(problem(line, format!("expected {} fields, got {}", FEATURES + 1, fields.len())));
        }
        for measure in measures {
            let centimetres = measure
                .parse::<f32>()
                .ok()
                .filter(|cm| cm.is_finite() && *cm > 0.0)
                .ok_or_else(|| problem(line, format!("expected a length in centimetres, got `{measure}`")))?;
            features.push(centimetres);
        }
        let number = IRIS_SPECIES
            .iter()
            .position(|species| species == name)
            .ok_or_else(|| problem(line, format!("expected one of {IRIS_SPECIES:?}, got `{name}`")))?;
        species.push(number);
    }
    let features = Array2::from_shape_vec((species.len(), FEATURES), features)
        .expect("four measures were pushed for each species");
    Ok(Iris { features, species })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fifty_of_each_species() {
        let iris = iris().unwrap();
        assert_eq!(iris.features.dim(), (150, 4));
        for species in 0..IRIS_SPECIES.len() {
            assert_eq!(iris.species.iter().filter(|&&s| s == species).count(), 50);
        }
    }

    #[test]
    fn the_two_wrong_rows_of_the_uci_copy_are_corrected() {
        let iris = iris().unwrap();
        let row = |from_one: usize| iris.features.row(from_one - 1).to_vec();
        assert_eq!(row(35), [4.9, 3.1, 1.5, 0.2]);
        assert_eq!(row(38), [4.9, 3.6, 1.4, 0.1]);
    }

    /// The summary that UCI publishes beside the data, to the two digits it gives.
    #[test]
    fn the_means_are_fishers() {
        let iris = iris().unwrap();
        let means = iris.features.mean_axis(ndarray::Axis(0)).unwrap();
        for (mean, expected) in means.iter().zip([5.843, 3.057, 3.758, 1.199]) {
            assert!((mean - expected).abs() < 1e-3, "{mean} {expected}");
        }
    }

    #[test]
    fn errors_name_file_and_line() {
        let error = |rows: &str| {
            parse(Path::new("i.csv"), &format!("{HEADER}\n5.1,3.5,1.4,0.2,setosa\n{rows}\n")).unwrap_err().to_string()
        };
        assert_eq!(error("5.1,3.5,1.4,setosa"), "i.csv: line 3: expected 5 fields, got 4");
        assert_eq!(error("5.1,x,1.4,0.2,setosa"), "i.csv: line 3: expected a length in centimetres, got `x`");
        assert_eq!(error("5.1,NaN,1.4,0.2,setosa"), "i.csv: line 3: expected a length in centimetres, got `NaN`");
        assert!(error("5.1,3.5,1.4,0.2,rose").ends_with("got `rose`"));
        assert!(parse(Path::new("i.csv"), "a,b\n").unwrap_err().to_string().starts_with("i.csv: line 1: "));
    }
}
