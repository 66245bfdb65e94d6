"""The benchmark's measurements as text."""


def as_text(result: dict) -> str:
    """The result as tables for a terminal."""
    rates = result["matrix_product_flops_per_second"]
    lines = [
        f"baseline, {result['image_size']}x{result['image_size']}, width {result['width']}, "
        f"batch size 1, {result['environment']['device']}; matrix product "
        + ", ".join(f"{name} {rate / 1e9:.0f} GFLOP/s" for name, rate in rates.items())
        + f"; copy {result['memory_bytes_per_second'] / 1e9:.0f} GB/s",
        "",
        f"{'step':18} {'median':>9} {'images/s':>9} {'vs [3]':>7} {'vs [4]':>7} "
        f"{'GFLOP':>7} {'GB':>6} {'of rate':>8} {'roofline':>9} {'peak MB':>8}",
    ]
    for row in result["steps"]:
        memory = row["peak_memory_bytes"]
        lines.append(
            f"{row['step']:18} {row['median_seconds'] * 1e3:6.1f} ms"
            f" {row['images_per_second']:9.2f}"
            f" {row['times_as_fast_as_3']:6.2f}x {row['times_as_fast_as_4']:6.2f}x"
            f" {row['flops'] / 1e9:7.1f} {row['bytes_moved'] / 1e9:6.2f}"
            f" {row['share_of_matrix_product_rate']:8.1%} {row['share_of_roofline']:9.1%}"
            f" {memory / 2**20 if memory else float('nan'):8.0f}"
        )
    data, speed, start = result["data"], result["ssim"], result["start_seconds"]
    apart = result["same_losses"]
    lines += [
        "",
        f"fp32 losses differ from a plain step's by {apart['each_step']:.1e} for equal weights, "
        f"by {apart['in_a_row']:.1e} after {apart['steps']} steps; "
        f"two plain loops with different Adams differ by {apart['two_adams']:.1e}",
        f"waiting for data: {data['wait_seconds'] * 1e3:.2f} ms per step, "
        f"{data['share_of_the_step']:.2%} of the time",
        f"SSIM: {speed['seconds_an_image'] * 1e3:.2f} ms per image, scikit-image "
        f"{speed['scikit_image_seconds_an_image'] * 1e3:.2f} ms: "
        f"{speed['times_as_fast']:.1f} times as fast",
        f"import {start['import']:.2f} s, --help {start['help']:.2f} s",
        "epoch of a tiny network: "
        + ", ".join(
            f"{row['pairs']} pairs {row['epoch_seconds']:.1f} s"
            + (f" ({row['memory_bytes'] / 2**20:.0f} MB)" if row["memory_bytes"] else "")
            for row in result["by_pairs"]
        ),
        "step by size: "
        + ", ".join(
            f"{row['image_size']} px {row['step_seconds'] * 1e3:.0f} ms"
            for row in result["by_pixels"]
        ),
    ]
    return "\n".join(lines)


def minutes_as_text(result: dict) -> str:
    """The result of `turns.train_in_turns` as a table for a terminal."""
    size, pairs, levels = result["image_size"], result["pairs"], result["levels"]
    lines = [
        f"{result['minutes']:g} minutes of training for each loop, in turns, on {pairs['train']} "
        f"pairs of {result['dataset']}, {size}x{size}, seed {result['seed']}, "
        f"{result['environment']['device']}",
        f"scored on {pairs['val']} val pairs",
        "",
        f"{'loop':45} {'batch':>5} {'rate':>7} {'width':>5} {'bits':>5} {'scored':>6} "
        f"{'updates':>8} {'seconds':>8} {'SSIM':>6} {'best':>6} {'IoU':>6} {'until':>7}",
    ]
    for row in result["loops"]:
        settings, last = row["settings"], row["points"][-1]
        best = max(point["val_ssim"] for point in row["points"])
        until = row["seconds_until_class_and_row_colour"]
        lines.append(
            f"{row['name']:45} {settings['batch_size']:5} {settings['learning_rate']:7.0e}"
            f" {settings['width']:5} {settings['precision']:>5} {row['scored_in'].split()[0]:>6}"
            f" {last['updates']:8} {last['seconds']:8.1f} {last['val_ssim']:6.3f} {best:6.3f}"
            f" {last['class_iou']:6.3f} {'never' if until is None else f'{until:.1f} s':>7}"
        )
    for name, level in levels.items():
        lines.append(f"{name:101} {level['val_ssim']:6.3f} {'':6} {level['class_iou']:6.3f}")
    lines += [
        "",
        "until: seconds to the SSIM of class and row colour; scored: in train mode or eval mode",
        *result["protocol"],
    ]
    lines += [f"{name} was stopped: {reason}" for name, reason in result["left_out"].items()]
    return "\n".join(lines)
