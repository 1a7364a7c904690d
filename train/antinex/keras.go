package antinex

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/pcapline/pcapline/train"
)

// network is the dense layers of a Keras model; the last one is the output.
type network []train.LayerConfig

// add appends a layer.
func (n *network) add(units int, activation, init string) error {
	if units < 1 {
		return fmt.Errorf("%d units", units)
	}
	*n = append(*n, train.LayerConfig{Units: units, Activation: activation, Init: init})
	return nil
}

// drop gives the layer before it dropout.
func (n network) drop(rate float64) error {
	switch {
	case len(n) == 0:
		return errors.New("dropout of the inputs is not supported")
	case n[len(n)-1].Dropout != nil:
		return errors.New("dropout behind dropout")
	}
	n[len(n)-1].Dropout = &rate
	return nil
}

func (n *network) describe(l layerDesc) error {
	switch l.Type {
	case "", "dense":
		init, ok := map[string]string{
			"": "", "uniform": "uniform", "random_uniform": "uniform", "he_normal": "he_normal", "he_uniform": "he_uniform",
			"glorot_normal": "glorot_normal", "glorot_uniform": "glorot_uniform",
		}[l.Init]
		if !ok {
			return fmt.Errorf("init %q is not supported", l.Init)
		}
		return n.add(l.Units, l.Activation, init)
	case "dropout":
		if l.Rate == nil {
			return errors.New("dropout without a rate")
		}
		return n.drop(*l.Rate)
	}
	return fmt.Errorf("layer_type %q is neither dense nor dropout", l.Type)
}

// into puts the layers into the configuration. The output layer's activation
// is that of a classifier, sigmoid or softmax: the loss takes logits.
func (n network) into(c *train.Config) error {
	if len(n) == 0 {
		return errors.New("the network has no layers")
	}
	out := n[len(n)-1]
	if want := map[bool]string{true: "sigmoid", false: "softmax"}[out.Units == 1]; out.Activation != want || out.Dropout != nil {
		return fmt.Errorf("the output layer has %d units and the activation %q with dropout %t: a classifier of so many outputs ends with %s",
			out.Units, out.Activation, out.Dropout != nil, want)
	}
	if out.Init != "" {
		c.Init = out.Init
	}
	c.Hidden, c.Layers = nil, slices.Clone(n[:len(n)-1])
	if c.Layers == nil {
		c.Layers = []train.LayerConfig{}
	}
	return nil
}

// ApplyKeras makes the network of the configuration that of a Keras
// architecture: the JSON of Model.to_json, or an AntiNex result that has it as
// "model". Dense and Dropout layers are known; the number of inputs and
// outputs is the dataset's.
func ApplyKeras(text []byte, c *train.Config) error {
	var wrapped struct {
		Model json.RawMessage `json:"model"`
	}
	if json.Unmarshal(text, &wrapped) == nil && wrapped.Model != nil {
		text = wrapped.Model
	}
	n, err := parseKeras(text)
	if err == nil {
		err = n.into(c)
	}
	if err != nil {
		return fmt.Errorf("keras architecture: %w", err)
	}
	return nil
}

type kerasLayer struct {
	Class  string `json:"class_name"`
	Config struct {
		Units      int             `json:"units"`
		Activation string          `json:"activation"`
		UseBias    *bool           `json:"use_bias"`
		Kernel     json.RawMessage `json:"kernel_initializer"`
		Rate       *float64        `json:"rate"`
	} `json:"config"`
}

func parseKeras(text []byte) (n network, err error) {
	var quoted string
	if json.Unmarshal(text, &quoted) == nil {
		text = []byte(quoted)
	}
	var model struct {
		Class  string          `json:"class_name"`
		Config json.RawMessage `json:"config"`
	}
	if err := json.Unmarshal(text, &model); err != nil {
		return nil, err
	}
	if model.Class != "Sequential" {
		return nil, fmt.Errorf("a %q model; Sequential ones are known", model.Class)
	}
	var layers []kerasLayer // Keras 2.1 has the list itself, later ones an object with it
	if json.Unmarshal(model.Config, &layers) != nil {
		var config struct {
			Layers []kerasLayer `json:"layers"`
		}
		if err := json.Unmarshal(model.Config, &config); err != nil {
			return nil, err
		}
		layers = config.Layers
	}
	for i := range layers {
		if err := n.keras(&layers[i]); err != nil {
			return nil, fmt.Errorf("layer %d: %w", i+1, err)
		}
	}
	return n, nil
}

func (n *network) keras(l *kerasLayer) error {
	switch l.Class {
	case "InputLayer":
		return nil
	case "Dense":
		if l.Config.UseBias != nil && !*l.Config.UseBias {
			return errors.New("a dense layer without a bias is not supported")
		}
		init, err := kerasInit(l.Config.Kernel)
		if err != nil {
			return err
		}
		return n.add(l.Config.Units, l.Config.Activation, init)
	case "Dropout":
		if l.Config.Rate == nil {
			return errors.New("dropout without a rate")
		}
		return n.drop(*l.Config.Rate)
	}
	return fmt.Errorf("a %s layer; Dense and Dropout are known", l.Class)
}

// kerasInit names an initializer as the configuration does.
func kerasInit(text json.RawMessage) (string, error) {
	if len(text) == 0 || string(text) == "null" {
		return "", nil
	}
	var k struct {
		Class  string `json:"class_name"`
		Config struct {
			Scale        float64  `json:"scale"`
			Mode         string   `json:"mode"`
			Distribution string   `json:"distribution"`
			Min          *float64 `json:"minval"`
			Max          *float64 `json:"maxval"`
		} `json:"config"`
	}
	if err := json.Unmarshal(text, &k); err != nil {
		return "", fmt.Errorf("kernel_initializer: %w", err)
	}
	normal := strings.HasSuffix(k.Config.Distribution, "normal")
	switch {
	case k.Class == "RandomUniform" && (k.Config.Min == nil || *k.Config.Min == -0.05) && (k.Config.Max == nil || *k.Config.Max == 0.05):
		return "uniform", nil
	case k.Class == "GlorotUniform", k.Class == "VarianceScaling" && k.Config.Mode == "fan_avg" && k.Config.Scale == 1 && !normal:
		return "glorot_uniform", nil
	case k.Class == "GlorotNormal", k.Class == "VarianceScaling" && k.Config.Mode == "fan_avg" && k.Config.Scale == 1:
		return "glorot_normal", nil
	case k.Class == "HeUniform", k.Class == "VarianceScaling" && k.Config.Mode == "fan_in" && k.Config.Scale == 2 && !normal:
		return "he_uniform", nil
	case k.Class == "HeNormal", k.Class == "VarianceScaling" && k.Config.Mode == "fan_in" && k.Config.Scale == 2:
		return "he_normal", nil
	}
	return "", fmt.Errorf("kernel_initializer %s with these numbers is not supported", k.Class)
}
