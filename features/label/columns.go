package label

import "github.com/pcapline/pcapline/transform/schema"

// Columns are what an [Annotator] adds to a table.
type Columns struct {
	schema.Layer `name:"label" title:"Labels" source:"pcapline" every:"row"`

	Label    schema.Optional[schema.Text] `name:"label" role:"label" store:"dict" doc:"Class by the ground truth, e.g. scan_syn or benign; null where no rule covers the row."`
	Category schema.Optional[schema.Text] `name:"label_category" role:"label" store:"dict" doc:"Coarser class by the ground truth, e.g. recon."`
	Class    schema.Values[schema.Text]   `name:"label_class" role:"label" store:"dict" doc:"benign, attack, or unknown where no rule covers the row."`
	Rule     schema.Optional[schema.Text] `name:"label_rule" role:"label" store:"dict" doc:"Id of the rule that gave the label."`
}
