package schemas

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	bootstrap "github.com/envoyproxy/go-control-plane/envoy/config/bootstrap/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/router/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/listener/proxy_protocol/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/proxy_protocol/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/raw_buffer/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/tls/v3"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protopath"
	"google.golang.org/protobuf/reflect/protorange"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/anypb"
	"sigs.k8s.io/yaml"
)

// TestEnvoyConfigurations reads the configurations of the page as Envoy does: unknown keys and types are
// errors, and values must be within the limits of their types.
func TestEnvoyConfigurations(t *testing.T) {
	for i, text := range printed(t, "with-envoy.md", "test=TestEnvoyConfigurations") {
		if err := checkEnvoy(text); err != nil {
			t.Errorf("block %d: %v", i, err)
		}
		for what, wrong := range map[string][2]string{
			"an unknown key":            {"upgrade_configs:", "upgrade_config:"},
			"an unknown type":           {"router.v3.Router", "router.v3.Rooter"},
			"a key of an inner type":    {"allow_connect:", "allow_conect:"},
			"a value that is too small": {"connect_timeout: 5s", "connect_timeout: -5s"},
			"an empty list, far inside": {"domains: [chat.example]", "domains: []"},
		} {
			changed := strings.Replace(text, wrong[0], wrong[1], 1)
			if err := checkEnvoy(changed); changed == text || err == nil {
				t.Errorf("block %d: %s is not found", i, what)
			}
		}
	}
}

func checkEnvoy(text string) error {
	json, err := yaml.YAMLToJSONStrict([]byte(text))
	if err != nil {
		return err
	}
	var config bootstrap.Bootstrap
	if err := protojson.Unmarshal(json, &config); err != nil {
		return err
	}
	return validate(&config)
}

// validate checks the limits of a message and of those that it holds as Any.
func validate(m proto.Message) error {
	var failed []error
	if limited, ok := m.(interface{ ValidateAll() error }); !ok {
		return fmt.Errorf("%T has no limits", m)
	} else if err := limited.ValidateAll(); err != nil {
		failed = append(failed, err)
	}
	err := protorange.Range(m.ProtoReflect(), func(p protopath.Values) error {
		inner, ok := p.Index(-1).Value.Interface().(protoreflect.Message)
		if !ok {
			return nil
		}
		held, ok := inner.Interface().(*anypb.Any)
		if !ok {
			return nil
		}
		message, err := held.UnmarshalNew()
		if err != nil {
			return err
		}
		failed = append(failed, validate(message))
		return protorange.Break
	})
	return errors.Join(append(failed, err)...)
}
