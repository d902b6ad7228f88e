// SPDX-License-Identifier: Apache-2.0
// completion bash|zsh|fish.
#include <memory>

#include "tools/meshadm/command.h"
#include "tools/meshadm/completion.h"

namespace kernmesh::adm {

void add_completion_commands(CLI::App& root, Invocation& invocation) {
  auto& command =
      add_command(root, {"completion", "Print the script that teaches a shell to complete meshadm",
                         "source <(meshadm completion bash)\n"
                         "source <(meshadm completion zsh)\n"
                         "meshadm completion fish | source"});
  const auto shell = std::make_shared<std::string>();
  command.add_option("shell", *shell, "bash, zsh or fish")
      ->required()
      ->type_name("SHELL")
      ->check([](const std::string& text) {
        return completion_script(text).empty()
                   ? "\"" + text.substr(0, 40) + "\" is none of bash, zsh, fish"
                   : std::string();
      });
  command.callback([&invocation, shell] {
    invocation.action = [shell](Session& session) -> Result<Outcome> {
      Document document;
      const std::string script = completion_script(*shell);
      document.json = {{"shell", *shell}, {"script", script}};
      session.renderer().show_text(document, script);
      return Outcome::kDone;
    };
  });
}

}  // namespace kernmesh::adm
