"""Planted mistakes in photos and masks."""

from __future__ import annotations

from tests.mutants.mutant import planted

PHOTO = "studio/photos/photo.py"
CHECKS = "studio/photos/mask_checks.py"
DECODING = "studio/photos/decoding.py"
DECODED = ("photos/test_photo.py", "photos/test_hostile_photos.py")
PHOTOS = ("photos/test_photo.py", "photos/test_masks.py")
MASKS = ("photos/test_masks.py",)
CAPTIONS = "studio/photos/captions.py"
CAPTIONED = ("photos/test_captions.py",)

MUTANTS = [
    planted(
        "overlap is measured by the smaller mask",
        CHECKS,
        "max(1, (first | second).sum())",
        "max(1, min(first.sum(), second.sum()))",
        *MASKS,
    ),
    planted(
        "a mask keeps what belongs to others",
        CHECKS,
        "rest.paste(0, mask=",
        "rest.paste(255, mask=",
        *MASKS,
        "models/test_segmenter.py",
    ),
    planted(
        "the faintest grey is the subject", CHECKS, "255 if level > 127 else 0", "255 if level else 0", *MASKS
    ),
    planted(
        "transparent white is the subject",
        CHECKS,
        'Image.new("RGBA", rgba.size, "black")',
        'Image.new("RGBA", rgba.size, "white")',
        *MASKS,
    ),
    planted(
        "a mask may cover the whole photo",
        CHECKS,
        "> 127) > MAX_SHARE",
        "> 127) > 1",
        *MASKS,
        "workspace/test_workspace.py",
    ),
    planted(
        "a crop moves down with its x",
        PHOTO,
        "(height - side) * min(max(self.y",
        "(height - side) * min(max(self.x",
        *PHOTOS,
    ),
    planted(
        "the limit of photos counts only the new ones",
        PHOTO,
        "len(others) + len(photos) >= MAX",
        "len(photos) >= MAX",
        *PHOTOS,
    ),
    planted(
        "masks keep their number when a subject goes",
        PHOTO,
        "number - (number > subject): mask",
        "number: mask",
        *PHOTOS,
        severe=True,
    ),
    planted(
        "a mask is put into the corner",
        PHOTO,
        "Image.Resampling.BOX), (left, top))",
        "Image.Resampling.BOX), (0, 0))",
        *PHOTOS,
        severe=True,
    ),
    planted(
        "copies of photos there are already are taken",
        PHOTO,
        "for photo in others]",
        "for photo in others[:0]]",
        *PHOTOS,
    ),
    planted(
        "every subject gets the mask of the first",
        "studio/photos/photo_set.py",
        "photo.square_mask(number, side)",
        "photo.square_mask(0, side)",
        *PHOTOS,
        "workspace/test_workspace.py",
        severe=True,
    ),
    planted(
        "a mask by click takes what belongs to others",
        "studio/photos/click_mask.py",
        "_without_holes(found) & ~(others & ~clicked)",
        "_without_holes(found)",
        *MASKS,
    ),
    planted(
        "a mask by click has holes", "studio/photos/click_mask.py", "_without_holes(found)", "found", *MASKS
    ),
    planted(
        "a mask of another shape is stretched over the photo",
        "studio/photos/masked_folder.py",
        "if max(wide, high) > MAX_SHAPE_RATIO * min(wide, high):",
        "if False:",
        "photos/test_masked_folder.py",
        "trainers/test_scene.py::test_unusable_masks_are_refused_in_one_sentence",
    ),
    planted(
        "photos of a phone lie on their side",
        DECODING,
        "return image if turn is None else image.transpose(turn)",
        "return image",
        *PHOTOS,
    ),
    planted(
        "transparent parts become black",
        "studio/photos/cut_out.py",
        "share > LOST else WHITE",
        "share > LOST else (0, 0, 0)",
        *PHOTOS,
    ),
    planted(
        "sixteen-bit grey is clipped",
        "studio/photos/colours.py",
        "grey >> 8 if grey.max(initial=0) > 255 else grey",
        "grey",
        *PHOTOS,
    ),
    planted(
        "small photos are enlarged",
        "studio/photos/photo_set.py",
        "min(MAX_PHOTO_SIDE, photo.side)",
        "MAX_PHOTO_SIDE",
        *PHOTOS,
    ),
    planted(
        "any subject's mask may lie beside the photo",
        "studio/photos/masked_folder.py",
        "if number == 0 and not found:",
        "if not found:",
        "photos/test_masked_folder.py",
        "trainers/test_scene.py::test_masks_are_read_from_beside_their_photos_and_follow_the_crop",
    ),
    planted(
        "a photo that is mirrored and turned lies upside down",
        DECODING,
        "5: Image.Transpose.TRANSPOSE,",
        "5: Image.Transpose.TRANSVERSE,",
        *DECODED,
    ),
    planted(
        "a file of any size is decoded",
        DECODING,
        "if size > MAX_PHOTO_BYTES:",
        "if False:",
        *DECODED,
    ),
    planted(
        "a picture of any number of pixels is decoded",
        DECODING,
        "if pixels > limit or _decoding_bytes(opened) > MAX_DECODING_BYTES:",
        "if _decoding_bytes(opened) > MAX_DECODING_BYTES:",
        *DECODED,
    ),
    planted(
        "decoding may take any memory",
        DECODING,
        "if pixels > limit or _decoding_bytes(opened) > MAX_DECODING_BYTES:",
        "if pixels > limit:",
        *DECODED,
    ),
    planted(
        "a file is believed to hold all pixels that it claims",
        DECODING,
        "if pixels * bits / 8 > ZLIB_RATIO * file_bytes:",
        "if False:",
        *DECODED,
    ),
    planted(
        "a progressive JPEG takes no memory",
        DECODING,
        'if not opened.info.get("progressive"):',
        "if True:",
        *DECODED,
    ),
    planted(
        "pictures may have ten times as many pixels",
        "studio/limits.py",
        "MAX_PIXELS = 100 * MILLION",
        "MAX_PIXELS = 1000 * MILLION",
        *DECODED,
    ),
    planted(
        "a cut-out brings the mask of its ground",
        "studio/photos/cut_out.py",
        "np.where(opaque, 255, 0)",
        "np.where(opaque, 0, 255)",
        "photos/test_cut_outs.py",
        severe=True,
    ),
    planted(
        "the thumbnail of a raw file is the photo",
        "studio/photos/camera_raw.py",
        "if short < (min(side, NEARLY * sensor) if sensor else side):",
        "if not short:",
        "photos/test_camera_raw.py",
    ),
    planted(
        "a mask that fits no photo is passed over",
        "studio/photos/masked_folder.py",
        "and file.stem.lower() not in known",
        "and False",
        "photos/test_masked_folder.py",
    ),
    planted(
        "sharp photos are called blurred",
        "studio/photos/advice.py",
        "measures.sharpness.get(side, 1.0) >= BLURRED",
        "measures.sharpness.get(side, 1.0) <= BLURRED",
        "photos/test_advice.py",
    ),
    planted(
        "photos without edges are called blurred",
        "studio/photos/advice.py",
        "measures.sharpness.get(side, 1.0)",
        "measures.sharpness.get(side, 0.0)",
        "photos/test_advice.py",
    ),
    planted(
        "a caption goes to the photos of other names",
        CAPTIONS,
        "if Path(photo.name).stem == file.stem]",
        "if Path(photo.name).stem != file.stem]",
        *CAPTIONED,
        severe=True,
    ),
    planted(
        "the noun stays beside the handle",
        CAPTIONS,
        "word.subn(lambda match: handle,",
        'word.subn(lambda match: f"{handle} {match[0]}",',
        *CAPTIONED,
    ),
    planted(
        "a noun is found inside other words",
        CAPTIONS,
        'rf"(?<!\\w){re.escape(noun)}(?!\\w)"',
        "re.escape(noun)",
        *CAPTIONED,
    ),
    planted(
        "every noun of a caption is the subject",
        CAPTIONS,
        "caption, count=1)",
        "caption)",
        *CAPTIONED,
    ),
    planted(
        "a caption of a photo without one moves up on disk",
        "studio/photos/photo_set.py",
        "for number, caption in enumerate(self.captions, 1):",
        "for number, caption in enumerate(filter(None, self.captions), 1):",
        *CAPTIONED,
        severe=True,
    ),
    planted(
        "captions are no part of what photos are",
        "studio/photos/photo_set.py",
        'digest.update(caption.encode() + b"\\0")',
        "pass",
        *CAPTIONED,
        severe=True,
    ),
]
