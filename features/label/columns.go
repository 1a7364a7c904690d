package label

import "github.com/pcapline/pcapline/transform/schema"

// Columns are what an [Annotator] adds to a table.
type Columns struct {
	schema.Layer `name:"label" title:"Labels" source:"pcapline" every:"row"`

	Label     schema.Optional[schema.Text] `name:"label" role:"label" store:"dict" doc:"Class by the ground truth, e.g. scan_syn or benign; null where no rule covers the row, or where the rule says that nobody knows."`
	Category  schema.Optional[schema.Text] `name:"label_category" role:"label" store:"dict" doc:"Coarser class by the ground truth, e.g. recon."`
	Class     schema.Values[schema.Text]   `name:"label_class" role:"label" store:"dict" doc:"benign, attack, or unknown, which is not benign: no rule covers the row, or a rule says that nobody knows."`
	Attempted schema.Optional[bool]        `name:"label_attempted" role:"label" store:"dict" doc:"Whether the attack came to nothing in this row, by the rule's own criteria; null where the row is no attack, or where the table lacks the columns to tell."`
	Cause     schema.Optional[int64]       `name:"label_cause" role:"label" store:"dict" source:"Liu et al., IEEE CNS 2022" doc:"Why it came to nothing: 0 no payload, 1 port closed, 2 start or end of the tool, 3 no malicious payload, 4 artefact of the attack, 5 tool did something else, 6 target unresponsive; -1: it did not come to nothing. Null as label_attempted."`
	Rule      schema.Optional[schema.Text] `name:"label_rule" role:"label" store:"dict" doc:"Id of the rule that covers the row; null where none does."`
	Source    schema.Optional[schema.Text] `name:"label_source" role:"label" store:"dict" doc:"Where the rule is from: the rule file, or the label pack."`
}
