package prep

import (
	"context"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/pcapline/pcapline/features"
	"github.com/pcapline/pcapline/transform/pythontest"
)

// TestOtherToolsReadTheDataset has mlcroissant, datasets, pandas and
// jsonschema read small datasets; see testdata/check_dataset.py.
func TestOtherToolsReadTheDataset(t *testing.T) {
	python := pythontest.Interpreter(t, "mlcroissant", "datasets", "jsonschema")
	table := writeFlows(t, "flows.parquet", nil)
	for name, opt := range map[string]Options{
		"parquet and csv":     {Formats: Formats},
		"folds as csv":        {Formats: []string{"csv"}, Split: features.SplitSpec{Kind: features.KFold}},
		"no validation, hash": {Split: features.SplitSpec{Kind: features.ByFlow, Train: 0.5, Test: 0.5}, Encode: features.EncodeSpec{MaxCategories: 1, HashBuckets: 4, Add: []string{"ts_ns"}}},
	} {
		opt.Tables, opt.Dir = []string{table}, t.TempDir()
		if _, err := Prepare(context.Background(), opt); err != nil {
			t.Fatal(err)
		}
		script := filepath.Join("testdata", "check_dataset.py")
		if out, err := exec.Command(python, script, opt.Dir, filepath.Join("..", "metadata.schema.json")).CombinedOutput(); err != nil {
			t.Errorf("%s: %v\n%s", name, err, out)
		}
	}
}
