//! What is to be computed for each row, as a list of steps without branches.

use super::node::Cell;

/// Where a value comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Operand {
    /// One of the cells of the program.
    Cell(usize),
    /// The result of a step.
    Register(usize),
}

/// One step; its result goes to a register.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Step {
    /// A product.
    Multiply(Operand, Operand),
    /// A sum.
    Add(Addition),
}

/// A sum of products with one reduction, and of terms that need none.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Addition {
    /// Coefficients that stand alone.
    pub(crate) constants: Vec<usize>,
    /// Operands added, or subtracted if the flag is set.
    pub(crate) plain: Vec<(Operand, bool)>,
    /// Operands times coefficients.
    pub(crate) scaled: Vec<(Operand, usize)>,
    /// Products added, or subtracted if the flag is set.
    pub(crate) products: Vec<(Operand, Operand, bool)>,
}

impl Step {
    /// Everything that it reads.
    pub(crate) fn operands_mut(&mut self) -> Vec<&mut Operand> {
        match self {
            Self::Multiply(a, b) => vec![a, b],
            Self::Add(addition) => {
                let plain = addition.plain.iter_mut().map(|(operand, _)| operand);
                let scaled = addition.scaled.iter_mut().map(|(operand, _)| operand);
                let products = addition.products.iter_mut().flat_map(|(a, b, _)| [a, b]);
                plain.chain(scaled).chain(products).collect()
            }
        }
    }
}

/// A program for a row.
#[derive(Debug, Clone, Default)]
pub(crate) struct Program {
    /// The cells that it reads.
    pub(crate) cells: Vec<Cell>,
    /// Steps, each with the register that it writes, which is none of those that it reads.
    pub(crate) steps: Vec<(usize, Step)>,
    /// Number of registers.
    pub(crate) registers: usize,
    /// The results.
    pub(crate) outputs: Vec<Operand>,
}

impl Program {
    /// From steps whose results all have registers of their own, numbered as the steps are.
    pub(crate) fn new(cells: Vec<Cell>, mut steps: Vec<Step>, mut outputs: Vec<Operand>) -> Self {
        let mut last_use = vec![0; steps.len()];
        for (at, step) in steps.iter_mut().enumerate() {
            for operand in step.operands_mut() {
                if let Operand::Register(register) = operand {
                    last_use[*register] = at;
                }
            }
        }
        for output in &outputs {
            if let Operand::Register(register) = output {
                last_use[*register] = usize::MAX;
            }
        }
        let mut free = Vec::new();
        let mut registers = 0;
        let mut of_step: Vec<usize> = Vec::with_capacity(steps.len());
        let mut placed = Vec::with_capacity(steps.len());
        for (at, mut step) in steps.into_iter().enumerate() {
            let to = free.pop().unwrap_or_else(|| {
                registers += 1;
                registers - 1
            });
            of_step.push(to);
            let mut ended = Vec::new();
            for operand in step.operands_mut() {
                if let Operand::Register(register) = operand {
                    let place = of_step[*register];
                    if last_use[*register] == at && !ended.contains(&place) {
                        ended.push(place);
                    }
                    *register = place;
                }
            }
            free.extend(ended);
            placed.push((to, step));
        }
        for output in &mut outputs {
            if let Operand::Register(register) = output {
                *register = of_step[*register];
            }
        }
        Self { cells, steps: placed, registers, outputs }
    }
}
