"""Kernels to machine code: Python source of the dialect (see `jit`) -> LLVM's assembly language -> object file.

Goes in: kernels and which processor to compile for. Comes out: an image (`image.link`), or the object
file itself where images are not served. The only module that imports llvmlite; `jit` imports it when the cache has
nothing, everybody else never.

LLVM's assembly is written as text: it is small, it is documented (https://llvm.org/docs/LangRef.html), and it needs no
second object model. Every local variable is a stack slot; LLVM makes registers of them.
"""

from __future__ import annotations

import llvmlite.binding as llvm

from . import image, methods
from .assembly import inner, llvm_type, result
from .jit import Kernel, entries, reachable
from .statements import Statements


def compile_kernels(kernels: list[Kernel], processor: str = "") -> bytes:
    """Machine code with an entry for each kernel: an image, or an object file where images are not served. `processor`:
    a name of LLVM's, which for an unknown one says so and takes the plain architecture; none stands for this one."""
    code = emit(kernels, _target_machine(processor))
    return image.link(code, entries(kernels)) if image.is_served() else code


_ATTRIBUTES = 'nounwind "no-builtins" "no-jump-tables"="true" "prefer-vector-width"="512"'
_STRING_WORDS = """
define internal void @copy_words(ptr %out, ptr %row, i64 %n) alwaysinline #0 {
  call { ptr, ptr, i64 } asm sideeffect "rep movsl",
    "={di},={si},={cx},0,1,2,~{memory},~{dirflag},~{fpsr},~{flags}"(ptr %out, ptr %row, i64 %n)
  ret void
}
define internal void @clear_words(ptr %out, i64 %n) alwaysinline #0 {
  call { ptr, i64 } asm sideeffect "rep stosl",
    "={di},={cx},{ax},0,1,~{memory},~{dirflag},~{fpsr},~{flags}"(i32 0, ptr %out, i64 %n)
  ret void
}
"""
"""Twice as quick as loops: whole cache lines are written without being read first."""
_LOOP_WORDS = """
define internal void @copy_words(ptr %out, ptr %row, i64 %n) #0 {
entry:
  %none = icmp sle i64 %n, 0
  br i1 %none, label %end, label %next
next:
  %i = phi i64 [ 0, %entry ], [ %after, %next ]
  %from = getelementptr i32, ptr %row, i64 %i
  %word = load i32, ptr %from
  %to = getelementptr i32, ptr %out, i64 %i
  store i32 %word, ptr %to
  %after = add nsw i64 %i, 1
  %more = icmp slt i64 %after, %n
  br i1 %more, label %next, label %end
end:
  ret void
}
define internal void @clear_words(ptr %out, i64 %n) #0 {
entry:
  %none = icmp sle i64 %n, 0
  br i1 %none, label %end, label %next
next:
  %i = phi i64 [ 0, %entry ], [ %after, %next ]
  %to = getelementptr i32, ptr %out, i64 %i
  store i32 0, ptr %to
  %after = add nsw i64 %i, 1
  %more = icmp slt i64 %after, %n
  br i1 %more, label %next, label %end
end:
  ret void
}
"""

_ROWS_OF_WORDS = """
declare void @llvm.prefetch.p0(ptr, i32, i32, i32)
define internal void @copy_words_on(ptr %out, ptr %row, i64 %n) #0 {
entry:
  %whole = and i64 %n, -16
  %none = icmp eq i64 %whole, 0
  br i1 %none, label %end, label %next
next:
  %i = phi i64 [ 0, %entry ], [ %after, %next ]
  %from = getelementptr i32, ptr %row, i64 %i
  %to = getelementptr i32, ptr %out, i64 %i
  %words = load <16 x i32>, ptr %from, align 4
  %ahead = getelementptr i32, ptr %to, i64 1024
  call void @llvm.prefetch.p0(ptr %ahead, i32 0, i32 2, i32 1)
  store <16 x i32> %words, ptr %to, align 4
  %after = add nsw i64 %i, 16
  %more = icmp slt i64 %after, %whole
  br i1 %more, label %next, label %end
end:
  %from.rest = getelementptr i32, ptr %row, i64 %whole
  %to.rest = getelementptr i32, ptr %out, i64 %whole
  %rest = and i64 %n, 15
  call void @copy_words(ptr %to.rest, ptr %from.rest, i64 %rest)
  ret void
}
define internal void @clear_words_on(ptr %out, i64 %n) #0 {
entry:
  %whole = and i64 %n, -16
  %none = icmp eq i64 %whole, 0
  br i1 %none, label %end, label %next
next:
  %i = phi i64 [ 0, %entry ], [ %after, %next ]
  %to = getelementptr i32, ptr %out, i64 %i
  %ahead = getelementptr i32, ptr %to, i64 1024
  call void @llvm.prefetch.p0(ptr %ahead, i32 0, i32 2, i32 1)
  store <16 x i32> zeroinitializer, ptr %to, align 4
  %after = add nsw i64 %i, 16
  %more = icmp slt i64 %after, %whole
  br i1 %more, label %next, label %end
end:
  %to.rest = getelementptr i32, ptr %out, i64 %whole
  %rest = and i64 %n, 15
  call void @clear_words(ptr %to.rest, i64 %rest)
  ret void
}
"""
"""Of rows that follow one another, in memory that something else has pushed out of the caches, a quarter quicker than
string instructions: those wait for every line, these have asked for it 4 KiB before."""


def emit(kernels: list[Kernel], machine: llvm.TargetMachine) -> bytes:
    """An object file for some target."""
    text = "\n".join([*(Statements(k).define() for k in reachable(kernels)), *(_entry(k) for k in kernels)])
    text += "\n".join(["", *(methods.text(k, inner(k)) for k in kernels if k.is_method)])
    text += _ROWS_OF_WORDS
    text += _STRING_WORDS if machine.triple.startswith("x86_64") else _LOOP_WORDS
    for number, more in enumerate(("", "noinline", "optsize")):  # see `Statements.define`
        text += f"\nattributes #{number} = {{ {more} {_ATTRIBUTES} }}"
    text += "\n!0 = !{}\n"
    module = llvm.parse_assembly(f'target triple = "{machine.triple}"\n{text}')
    module.verify()
    options = llvm.create_pipeline_tuning_options(speed_level=3)
    options.loop_vectorization = True
    options.slp_vectorization = True
    builder = llvm.create_pass_builder(machine, options)
    builder.getModulePassManager().run(module, builder)
    code: bytes = machine.emit_object(module)
    return code


def _target_machine(processor: str) -> llvm.TargetMachine:
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    llvm.initialize_native_asmparser()  # for the assembly within
    target = llvm.Target.from_triple(llvm.get_process_triple())
    cpu, features = (processor, "") if processor else this_processor()
    return target.create_target_machine(cpu=cpu, features=features, opt=3, reloc="pic", codemodel="small")


def this_processor() -> tuple[str, str]:
    """Its name and features, in LLVM's words."""
    return llvm.get_host_cpu_name(), llvm.get_host_cpu_features().flatten()


_ENGINES: list[object] = []
"""What was loaded; code stays for the life of the process."""


def load_with_engine(code: bytes, names: list[str]) -> dict[str, int]:
    """Addresses of an object file's functions, mapped by LLVM's own loader."""
    machine = _target_machine("generic")
    engine = llvm.create_mcjit_compiler(llvm.parse_assembly(""), machine)
    engine.add_object_file(llvm.ObjectFileRef.from_data(code))
    engine.finalize_object()
    _ENGINES.append(engine)
    return {name: engine.get_function_address(name) for name in names}


def _entry(k: Kernel) -> str:
    """The function that is called from outside: one 64-bit slot for each parameter."""
    lines = [f"define i64 @{k.name}(ptr %slots) #0 {{"]
    passed = []
    for i, kind in enumerate(k.parameters.values()):
        lines.append(f"  %p{i} = getelementptr i64, ptr %slots, i64 {i}")
        lines.append(f"  %v{i} = load {llvm_type(kind)}, ptr %p{i}")
        passed.append(f"{llvm_type(kind)} %v{i}")
    call = f"call {result(k)} @{inner(k)}({', '.join(passed)})"
    lines.extend([f"  {call}", "  ret i64 0"] if k.result is None else [f"  %r = {call}", "  ret i64 %r"])
    return "\n".join([*lines, "}"])
