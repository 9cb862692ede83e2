//! The article's rows beside ours: which cell stands beside which claim, and how they compare.

use zktee_core::vocabulary::Outcome;

use crate::cell::{Cell, CellFlag, Kind};
use crate::claims::{ClaimRow, Claims, Stated, ZkClaim, matches_any};
use crate::table::{Column, Field, NOTHING, Style, Table};
use crate::{show, units};

/// A claim and the cells that stand beside it.
pub(crate) struct Group<'a> {
    /// The article's row.
    pub(crate) row: &'a ClaimRow,
    /// Who is claimed to take how long, e.g. `EZKL, prove + verify`; none for our own additions and the floor.
    pub(crate) claim: Option<(String, Stated)>,
    /// Why these cells stand here.
    pub(crate) role: Role,
    /// The cells.
    pub(crate) cells: Vec<&'a Cell>,
}

impl Group<'_> {
    /// The claim, where a cell's time can be set against it: that of the same model and as long a response.
    pub(crate) fn claim_beside(&self, cell: &Cell) -> Option<&(String, Stated)> {
        self.claim.as_ref().filter(|_| self.row.apart(&cell.workload).is_none())
    }
}

/// Why cells stand in a row of the article.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// Beside the claim of a zkML framework.
    Zk,
    /// Beside the claim for the enclave.
    Tee,
    /// What the answer costs without evidence.
    Floor,
    /// The article claims nothing of the kind.
    Added,
}

/// The article's rows in order, each as groups: claims of zkML, claims of TEE, the floor, our additions. Groups without a cell and
/// without a claim are left out.
pub(crate) fn groups<'a>(claims: &'a Claims, cells: &'a [Cell]) -> Vec<Group<'a>> {
    let mut groups = Vec::new();
    for row in &claims.rows {
        let of_row: Vec<&Cell> = cells.iter().filter(|c| matches_any(&row.workloads, &c.workload)).collect();
        let beside = |patterns: &[String]| -> Vec<&Cell> {
            of_row.iter().copied().filter(|c| matches_any(patterns, &c.backend)).collect()
        };
        for zk in &row.zk {
            let claim = zk.total_s.stated().map(|s| (zk_name(zk), s));
            groups.push(Group { row, claim, role: Role::Zk, cells: beside(&zk.beside) });
        }
        let claim = row.tee_total_s.stated().map(|s| ("Oyster, TEE total".to_owned(), s));
        groups.push(Group { row, claim, role: Role::Tee, cells: beside(&row.tee_beside) });
        for (role, patterns) in [(Role::Floor, &row.floor), (Role::Added, &row.added)] {
            let cells = beside(patterns);
            if !cells.is_empty() {
                groups.push(Group { row, claim: None, role, cells });
            }
        }
    }
    groups
}

fn zk_name(zk: &ZkClaim) -> String {
    format!("{}, prove + verify", zk.framework)
}

/// The article's table: claimed and measured side by side.
pub(crate) fn comparison(claims: &Claims, cells: &[Cell]) -> Table {
    let mut table = Table::new(
        "The article's rows: claimed totals beside measured ones",
        &[
            Column::text("Row"),
            Column::text("Our cell"),
            Column::text("Claim"),
            Column::number("Claimed total"),
            Column::number("Our total"),
            Column::number("Claimed / ours"),
            Column::text("Outcome"),
            Column::prose("In words"),
        ],
    );
    let mut last = "";
    for group in groups(claims, cells) {
        let begins = group.row.id != last;
        last = &group.row.id;
        // What is not here has a line below the table.
        let here = group.cells.iter().copied().filter(|cell| cell.outcome != Outcome::Unavailable);
        let mut lines: Vec<Option<&Cell>> = here.map(Some).collect();
        if lines.is_empty() && group.claim.is_some() {
            lines.push(None);
        }
        for (i, cell) in lines.into_iter().enumerate() {
            let row = table.push(line(&group, cell));
            row.begins_group = begins && i == 0;
        }
    }
    table
}

fn line(group: &Group, cell: Option<&Cell>) -> Vec<Field> {
    let (who, claimed) = match (&group.claim, group.role) {
        (Some((who, stated)), _) => {
            (Field::new(Style::Claimant, who.clone()), Field::new(Style::Claim, stated.text(units::seconds)))
        }
        (None, Role::Floor) => (Field::new(Style::Muted, "no claim (floor)"), NOTHING.into()),
        (None, _) => (Field::new(Style::Muted, "no claim (ours)"), NOTHING.into()),
    };
    let row = Field::new(Style::Strong, group.row.id.clone());
    let Some(cell) = cell else {
        let none = Field::new(Style::Muted, "not in this run");
        let outcome = Field::new(Style::Claimant, Outcome::Published.as_str());
        return vec![row, none, who, claimed, NOTHING.into(), NOTHING.into(), outcome, NOTHING.into()];
    };
    let name = Field::new(Style::Strong, show::cell_name_in(&group.row.id, cell));
    let (ratio, words) = match (cell.total(), group.claim_beside(cell)) {
        (Some(total), Some((_, stated))) => {
            (stated.over(total), Field::from(format!("{}{}", stated.in_words(total), caveat(cell))))
        }
        (Some(_), None) => {
            let apart = group.claim.as_ref().and_then(|_| group.row.apart(&cell.workload));
            (NOTHING.to_owned(), apart.map_or_else(|| NOTHING.into(), |why| Field::new(Style::Muted, why)))
        }
        (None, _) => (NOTHING.to_owned(), Field::new(Style::Muted, show::reason(cell))),
    };
    vec![row, name, who, claimed, show::total(cell).into(), ratio.into(), show::outcome(cell), words]
}

/// What the ratio must not be read without.
fn caveat(cell: &Cell) -> String {
    let simulated = (cell.outcome == Outcome::Simulated).then_some("no real isolation");
    let extrapolated = cell.has_flag(CellFlag::Extrapolated).then_some("extrapolated");
    let random = cell.has_flag(CellFlag::RandomWeights).then_some("random weights");
    let parts: Vec<&str> = simulated.into_iter().chain(extrapolated).chain(random).collect();
    if parts.is_empty() { String::new() } else { format!(" ({})", parts.join(", ")) }
}

/// The article's headline, how many times the TEE's time a proof takes, beside the same quotient of our own totals.
pub(crate) fn quotients(claims: &Claims, cells: &[Cell]) -> Option<Table> {
    let mut table = Table::new(
        "How many times the enclave's total a proof takes",
        &[
            Column::text("Row"),
            Column::text("Claim"),
            Column::number("Claimed quotient"),
            Column::prose("Ours"),
            Column::number("Our quotient"),
        ],
    );
    let mut any = false;
    for row in &claims.rows {
        let of_row: Vec<&Cell> = cells.iter().filter(|c| matches_any(&row.workloads, &c.workload)).collect();
        for zk in &row.zk {
            let Some(stated) = zk.over_tee.stated() else { continue };
            let mut begins = true;
            let pairs = of_row.iter().filter(|c| c.kind() == Kind::Zk && matches_any(&zk.beside, &c.backend));
            for proof in pairs {
                for enclave in of_row.iter().filter(|c| c.workload == proof.workload && c.kind() == Kind::Tee) {
                    let (Some(p), Some(e)) = (proof.total(), enclave.total()) else { continue };
                    any = true;
                    let fields = vec![
                        Field::new(Style::Strong, row.id.clone()),
                        Field::new(Style::Claimant, format!("{} / Oyster", zk.framework)),
                        Field::new(Style::Claim, stated.text(units::ratio)),
                        format!("{} / {}", show::name_with_outcome(proof), show::name_with_outcome(enclave)).into(),
                        units::ratio(p / e).into(),
                    ];
                    table.push(fields).begins_group = std::mem::take(&mut begins);
                }
            }
        }
    }
    any.then_some(table)
}

/// The notes that belong below the table, in the article's order.
pub(crate) fn notes(claims: &Claims) -> Vec<String> {
    let mut notes = vec![
        format!(
            "Claims: \"{}\" ({}; the figures first appeared in \"{}\"). They are published figures, not measured here.",
            claims.source.title, claims.source.publisher, claims.source.earlier
        ),
        claims.source.note.clone(),
    ];
    for row in &claims.rows {
        let mut about = vec![
            format!("{}: {} on {}", row.id, row.model, row.data),
            format!("Inputs: {}", row.inputs.text(|n| units::count(n as u64))),
        ];
        about.extend(row.machine.iter().map(|m| format!("Machine: {m}")));
        about.extend(row.tokens_per_s.iter().map(|t| format!("Claimed: {}", t.text(|v| format!("{v:.3} tokens/s")))));
        about.extend(row.note.clone());
        for zk in &row.zk {
            let (prove, verify) = (zk.prove_s.text(units::seconds), zk.verify_s.text(units::seconds));
            about.push(format!("{}: prove {prove}, verify {verify}", zk.framework));
            about.extend(zk.note.clone());
        }
        let sentences: Vec<&str> = about.iter().map(|s| s.trim_end_matches('.')).collect();
        notes.push(format!("{}.", sentences.join(". ")));
    }
    notes
}
