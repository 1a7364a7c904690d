package label

import "testing"

// TestUnfitTags: the YAML library panics on tags that do not fit.
func TestUnfitTags(t *testing.T) {
	for _, text := range []string{
		"zone: UTC\nnotes: !x 1\n", "zone: UTC\nrules: !x 1\n", "zone: UTC\nrules:\n  - {src: !x 1}\n",
	} {
		if _, err := ParseYAML("r.yaml", []byte(text)); err == nil {
			t.Errorf("%q is taken for rules", text)
		}
	}
}
